CREATE OR REPLACE FUNCTION outcomes_internal.user_uuids(tenant text, user_ids bigint[], at timestamptz, known_at timestamptz)
RETURNS TABLE (user_id bigint, user_uuid text, uuids text[])
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    moment CONSTANT timestamptz := at;
    until CONSTANT timestamptz := coalesce(at, 'infinity');
BEGIN
    RETURN QUERY
    WITH known AS MATERIALIZED (
        SELECT i.user_id, i.user_uuid, i.since
          FROM outcomes.user_identity i
         WHERE i.root_account_uuid = tenant AND i.user_id = ANY (user_ids) AND i.recorded_at <= coalesce(known_at, 'infinity')
    ),
    newest AS ( -- of users with several uuids
        SELECT m.user_id, m.user_uuid, max(m.since) AS since
          FROM outcomes_internal.identity_moment(
               tenant, ARRAY(SELECT known.user_id FROM known GROUP BY known.user_id HAVING count(*) > 1), known_at) m
         WHERE m.since <= until
         GROUP BY m.user_id, m.user_uuid
    ),
    had AS (
        SELECT k.user_id, k.user_uuid, o.user_id IS NOT NULL AS has
          FROM known k
          LEFT JOIN outcomes_internal.uuid_owner(tenant, ARRAY(SELECT known.user_uuid FROM known), moment, known_at) o
            ON o.user_uuid = k.user_uuid AND o.user_id = k.user_id
          LEFT JOIN newest n ON n.user_id = k.user_id AND n.user_uuid = k.user_uuid
         ORDER BY k.user_id, has DESC, n.since DESC NULLS LAST, k.since, k.user_uuid
    )
    SELECT h.user_id, CASE WHEN (array_agg(h.has))[1] THEN (array_agg(h.user_uuid))[1] END, array_agg(h.user_uuid)
      FROM had h
     GROUP BY h.user_id;
END
$$;
COMMENT ON FUNCTION outcomes_internal.user_uuids IS
    'The uuid that each of these users has at a moment, of several the one told last, and all that they ever had.';
