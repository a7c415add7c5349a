CREATE OR REPLACE FUNCTION outcomes_internal.user_uuids(tenant text, user_ids bigint[], at timestamptz, known_at timestamptz)
RETURNS TABLE (user_id bigint, user_uuid text, uuids text[])
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    until CONSTANT timestamptz := coalesce(at, 'infinity');
BEGIN
    RETURN QUERY
    WITH known AS MATERIALIZED (
        SELECT i.user_id, i.user_uuid
          FROM outcomes.user_identity i
         WHERE i.root_account_uuid = tenant AND i.user_id = ANY (user_ids) AND i.recorded_at <= coalesce(known_at, 'infinity')
    ),
    had AS (
        SELECT k.user_id, k.user_uuid, h.held_from <= until AND (h.held_until = 'infinity' OR h.held_until > until) AS has
          FROM known k
          JOIN outcomes_internal.uuid_holder(tenant, ARRAY(SELECT DISTINCT known.user_uuid FROM known), known_at) h
            ON h.user_uuid = k.user_uuid AND h.user_id = k.user_id
         ORDER BY k.user_id, has DESC, CASE WHEN h.since <= until THEN h.since END DESC NULLS LAST, h.since, k.user_uuid
    )
    SELECT h.user_id, CASE WHEN (array_agg(h.has))[1] THEN (array_agg(h.user_uuid))[1] END, array_agg(h.user_uuid)
      FROM had h
     GROUP BY h.user_id;
END
$$;
COMMENT ON FUNCTION outcomes_internal.user_uuids IS
    'The uuid that each of these users has at a moment, of several the one told last, and all that they ever had.';
