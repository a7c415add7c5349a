-- A merge says that a user is gone even where nobody told of the deletion, and a newer enrolment that the user is there again.
CREATE OR REPLACE FUNCTION outcomes_internal.gone_users(tenant text, user_ids bigint[], at timestamptz, known_at timestamptz)
RETURNS TABLE (user_id bigint, merged_into_user_id bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    moment CONSTANT timestamptz := at;
    until CONSTANT timestamptz := coalesce(at, 'infinity');
    recorded CONSTANT timestamptz := coalesce(known_at, 'infinity');
BEGIN
    RETURN QUERY
    WITH canvas_user AS MATERIALIZED (
        SELECT DISTINCT ON (u.id) u.id, u.workflow_state, u.event_time
          FROM outcomes.canvas_user_version u
         WHERE u.root_account_uuid = tenant AND u.id = ANY (user_ids) AND u.event_time <= until AND u.recorded_at <= recorded
         ORDER BY u.id, u.event_time DESC, u.event_name DESC, u.updated_at DESC NULLS LAST, u.version_hash DESC
    ),
    deleted AS (
        SELECT u.id
          FROM canvas_user u
         WHERE u.workflow_state = 'deleted'
           AND NOT EXISTS (SELECT
                             FROM outcomes.enrollment_version e
                            WHERE e.root_account_uuid = tenant AND e.user_id = u.id AND e.workflow_state <> 'deleted'
                              AND e.event_time > u.event_time AND e.event_time <= until AND e.recorded_at <= recorded)
    )
    SELECT coalesce(d.id, m.user_id), m.merged_into_user_id
      FROM deleted d
      FULL JOIN outcomes_internal.merged_user(tenant, user_ids, moment, known_at) m ON m.user_id = d.id;
END
$$;
COMMENT ON FUNCTION outcomes_internal.gone_users IS 'Which of these users are deleted, or merged into another one, at a moment.';
