-- Whose a uuid was at a moment does not depend on when that was told: before the first moment that is known it was that user's already.
CREATE OR REPLACE FUNCTION outcomes_internal.uuid_holder(tenant text, user_uuids text[], known_at timestamptz)
RETURNS TABLE (user_uuid text, user_id bigint, held_from timestamptz, held_until timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH known AS MATERIALIZED (
        SELECT i.user_uuid, min(i.user_id) AS user_id, CASE WHEN count(*) > 1 THEN array_agg(i.user_id) END AS several
          FROM outcomes.user_identity i
         WHERE i.root_account_uuid = tenant AND i.user_uuid = ANY (user_uuids) AND i.recorded_at <= coalesce(known_at, 'infinity')
         GROUP BY i.user_uuid
    ),
    moment AS (
        SELECT m.user_uuid, m.user_id, m.since,
               m.user_id IS DISTINCT FROM lag(m.user_id) OVER (PARTITION BY m.user_uuid ORDER BY m.since, m.user_id) AS begins
          FROM outcomes_internal.identity_moment(tenant, ARRAY(SELECT unnest(known.several) FROM known), known_at) m
         WHERE m.user_uuid = ANY (user_uuids) AND m.user_uuid IN (SELECT known.user_uuid FROM known WHERE known.several IS NOT NULL)
    ),
    period AS (
        SELECT m.user_uuid, m.user_id, CASE WHEN lag(m.since) OVER holders IS NULL THEN '-infinity' ELSE m.since END AS held_from,
               lead(m.since, 1, 'infinity') OVER holders AS held_until
          FROM moment m
         WHERE m.begins
        WINDOW holders AS (PARTITION BY m.user_uuid ORDER BY m.since, m.user_id)
    )
    SELECT known.user_uuid, known.user_id, '-infinity'::timestamptz, 'infinity'::timestamptz FROM known WHERE known.several IS NULL
     UNION ALL
    SELECT p.* FROM period p WHERE p.held_from < p.held_until
     UNION ALL
    SELECT n.name, substr(n.name, 4)::bigint, '-infinity', 'infinity'
      FROM unnest(user_uuids) n (name)
     WHERE n.name ~ '^id:[1-9][0-9]{0,17}$';
END
$$;
COMMENT ON FUNCTION outcomes_internal.uuid_holder IS
    'Whose these uuids are: of the user in [held_from, held_until). A uuid can go to another user and come back. id: and a number is the '
    'user of that id.';
