-- Canvas deletes whom it merges, so whatever is newer and says that the user is there, or is in a course, tells of a split: events tell
-- neither (lib/split_users.rb).
CREATE OR REPLACE FUNCTION outcomes_internal.user_merged(tenant text, user_ids bigint[], at timestamptz, known_at timestamptz)
RETURNS TABLE (user_id bigint, merged_into_user_id bigint, event_time timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    until CONSTANT timestamptz := coalesce(at, 'infinity');
    recorded CONSTANT timestamptz := coalesce(known_at, 'infinity');
BEGIN
    RETURN QUERY
    WITH merge AS MATERIALIZED (
        SELECT DISTINCT ON (m.id) m.id, m.merged_into_user_id, m.event_time
          FROM outcomes.user_merge_version m
         WHERE m.root_account_uuid = tenant AND m.id = ANY (user_ids) AND m.event_time <= until AND m.recorded_at <= recorded
         ORDER BY m.id, m.event_time DESC, m.event_name DESC, m.updated_at DESC NULLS LAST, m.version_hash DESC
    )
    SELECT m.id, m.merged_into_user_id, m.event_time
      FROM merge m
     WHERE m.merged_into_user_id <> m.id
       AND NOT EXISTS (SELECT
                         FROM outcomes.canvas_user_version u
                        WHERE u.root_account_uuid = tenant AND u.id = m.id AND u.workflow_state <> 'deleted'
                          AND u.event_time > m.event_time AND u.event_time <= until AND u.recorded_at <= recorded)
       AND NOT EXISTS (SELECT
                         FROM outcomes.enrollment_version e
                        WHERE e.root_account_uuid = tenant AND e.user_id = m.id AND e.workflow_state <> 'deleted'
                          AND e.event_time > m.event_time AND e.event_time <= until AND e.recorded_at <= recorded);
END
$$;
COMMENT ON FUNCTION outcomes_internal.user_merged IS
    'Which of these users are merged into another one at a moment, since when that is told. Nothing newer says that they were split again.';
