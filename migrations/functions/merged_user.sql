-- A merge can follow another one, so that the enrolments of the first user are the last one's. REST tells each by itself and in any order.
-- Of merges in a circle the oldest no longer holds: its user was there again when the others were made.
CREATE OR REPLACE FUNCTION outcomes_internal.merged_user(tenant text, user_ids bigint[], at timestamptz, known_at timestamptz)
RETURNS TABLE (user_id bigint, merged_into_user_id bigint, becomes bigint, event_time timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    moment CONSTANT timestamptz := at;
BEGIN
    IF NOT EXISTS (SELECT FROM outcomes.user_merge_version m WHERE m.root_account_uuid = tenant) THEN
        RETURN; -- as a rule, and this is asked at every moment of a timeline
    END IF;
    RETURN QUERY
    WITH RECURSIVE merge AS (
        SELECT m.user_id, m.merged_into_user_id, m.event_time FROM outcomes_internal.user_merged(tenant, user_ids, moment, known_at) m
         UNION
        SELECT next.user_id, next.merged_into_user_id, next.event_time
          FROM merge
         CROSS JOIN LATERAL outcomes_internal.user_merged(tenant, ARRAY[merge.merged_into_user_id], moment, known_at) next
    ),
    newer (user_id, event_time, reached) AS (
        SELECT merge.user_id, merge.event_time, merge.merged_into_user_id FROM merge
         UNION
        SELECT n.user_id, n.event_time, merge.merged_into_user_id
          FROM newer n
          JOIN merge ON merge.user_id = n.reached AND (merge.event_time, merge.user_id) > (n.event_time, n.user_id)
    ),
    holding AS MATERIALIZED (
        SELECT merge.* FROM merge WHERE NOT EXISTS (SELECT FROM newer n WHERE n.user_id = merge.user_id AND n.reached = merge.user_id)
    ),
    chain (user_id, reached) AS (
        SELECT h.user_id, h.merged_into_user_id FROM holding h
         UNION
        SELECT chain.user_id, h.merged_into_user_id FROM chain JOIN holding h ON h.user_id = chain.reached
    )
    SELECT h.user_id, h.merged_into_user_id, chain.reached, h.event_time
      FROM holding h
      JOIN chain ON chain.user_id = h.user_id AND chain.reached NOT IN (SELECT other.user_id FROM holding other)
     WHERE h.user_id = ANY (user_ids);
END
$$;
COMMENT ON FUNCTION outcomes_internal.merged_user IS
    'Which of these users are merged into another one at a moment. becomes: the user at the end of the chain, whose their enrolments are.';
