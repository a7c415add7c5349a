CREATE OR REPLACE FUNCTION outcomes_internal.submission_time(tenant text, assignment_ids bigint[], at timestamptz, known_at timestamptz)
RETURNS TABLE (assignment_id bigint, user_uuid text, submitted_at timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500
SET enable_nestloop = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    until CONSTANT timestamptz := coalesce(at, 'infinity');
    recorded CONSTANT timestamptz := coalesce(known_at, 'infinity');
BEGIN
    IF cardinality(assignment_ids) = 0 THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH submission AS MATERIALIZED (
        SELECT DISTINCT ON (s.id) s.id, s.assignment_id, s.user_id, s.submitted_at, s.event_time
          FROM outcomes.submission_version s
         WHERE s.root_account_uuid = tenant AND s.assignment_id = ANY (assignment_ids)
           AND s.event_time <= until AND s.recorded_at <= recorded
         ORDER BY s.id, s.event_time DESC, s.event_name DESC, s.updated_at DESC NULLS LAST, s.version_hash DESC
    ),
    named AS (
        SELECT i.user_id, i.user_uuid
          FROM outcomes.user_identity i
         WHERE i.root_account_uuid = tenant AND i.user_id = ANY (ARRAY(SELECT DISTINCT submission.user_id FROM submission))
           AND i.recorded_at <= recorded
         UNION ALL
        SELECT DISTINCT submission.user_id, 'id:' || submission.user_id FROM submission
    )
    SELECT DISTINCT ON (s.assignment_id, n.user_uuid) s.assignment_id, n.user_uuid, s.submitted_at
      FROM submission s
      JOIN named n USING (user_id)
     ORDER BY s.assignment_id, n.user_uuid, s.event_time DESC, s.id DESC;
END
$$;
COMMENT ON FUNCTION outcomes_internal.submission_time IS
    'When students handed in these assignments, under each uuid that they ever had.';
