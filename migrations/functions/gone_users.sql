-- A merge says that a user is gone even where nobody told of the deletion.
CREATE OR REPLACE FUNCTION outcomes_internal.gone_users(tenant text, user_ids bigint[], at timestamptz, known_at timestamptz)
RETURNS TABLE (user_id bigint, merged_into_user_id bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    until CONSTANT timestamptz := coalesce(at, 'infinity');
    recorded CONSTANT timestamptz := coalesce(known_at, 'infinity');
BEGIN
    RETURN QUERY
    WITH canvas_user AS (
        SELECT DISTINCT ON (u.id) u.id, u.workflow_state
          FROM outcomes.canvas_user_version u
         WHERE u.root_account_uuid = tenant AND u.id = ANY (user_ids) AND u.event_time <= until AND u.recorded_at <= recorded
         ORDER BY u.id, u.event_time DESC, u.event_name DESC, u.updated_at DESC NULLS LAST, u.version_hash DESC
    ),
    merge AS (
        SELECT DISTINCT ON (m.id) m.id, m.merged_into_user_id
          FROM outcomes.user_merge_version m
         WHERE m.root_account_uuid = tenant AND m.id = ANY (user_ids) AND m.event_time <= until AND m.recorded_at <= recorded
         ORDER BY m.id, m.event_time DESC, m.event_name DESC, m.updated_at DESC NULLS LAST, m.version_hash DESC
    )
    SELECT coalesce(u.id, m.id), m.merged_into_user_id
      FROM (SELECT canvas_user.id FROM canvas_user WHERE canvas_user.workflow_state = 'deleted') u
      FULL JOIN merge m ON m.id = u.id;
END
$$;
COMMENT ON FUNCTION outcomes_internal.gone_users IS 'Which of these users are deleted, or merged into another one, at a moment.';
