-- Whose a uuid was at a moment does not depend on when that was told: before the first telling it was the first one's already.
CREATE OR REPLACE FUNCTION outcomes_internal.uuid_holder(tenant text, user_uuids text[], known_at timestamptz)
RETURNS TABLE (user_uuid text, user_id bigint, since timestamptz, held_from timestamptz, held_until timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT i.user_uuid, i.user_id, i.since, CASE WHEN lag(i.since) OVER holders IS NULL THEN '-infinity' ELSE i.since END,
           lead(i.since, 1, 'infinity') OVER holders
      FROM outcomes.user_identity i
     WHERE i.root_account_uuid = tenant AND i.user_uuid = ANY (user_uuids) AND i.recorded_at <= coalesce(known_at, 'infinity')
    WINDOW holders AS (PARTITION BY i.user_uuid ORDER BY i.since, i.user_id)
     UNION ALL
    SELECT n.name, substr(n.name, 4)::bigint, '-infinity', '-infinity', 'infinity'
      FROM unnest(user_uuids) n (name)
     WHERE n.name ~ '^id:[1-9][0-9]{0,17}$';
END
$$;
COMMENT ON FUNCTION outcomes_internal.uuid_holder IS
    'Whose these uuids are: of the user in [held_from, held_until), first told at since. id: and a number is the user of that id.';
