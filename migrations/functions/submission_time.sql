-- Work that is handed in again after it was assessed is not what was assessed (app/models/rubric_assessment.rb). ROWS 1, so that those who
-- ask it make a hash table of its answer and not of all results of a course: it is empty as a rule.
CREATE OR REPLACE FUNCTION outcomes_internal.submission_time(tenant text, assignment_ids bigint[], at timestamptz, known_at timestamptz)
RETURNS TABLE (assignment_id bigint, user_uuid text, submitted_at timestamptz, resubmitted_at timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET enable_nestloop = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    moment CONSTANT timestamptz := at;
    until CONSTANT timestamptz := coalesce(at, 'infinity');
    recorded CONSTANT timestamptz := coalesce(known_at, 'infinity');
BEGIN
    IF cardinality(assignment_ids) = 0 THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH version AS MATERIALIZED (
        SELECT s.id, s.assignment_id, s.user_id, s.submitted_at, s.event_time,
               first_value(s.workflow_state) OVER (
                   PARTITION BY s.id
                   ORDER BY s.event_time DESC, s.event_name DESC, s.updated_at DESC NULLS LAST, s.version_hash DESC) AS newest_state
          FROM outcomes.submission_version s
         WHERE s.root_account_uuid = tenant AND s.assignment_id = ANY (assignment_ids)
           AND s.event_time <= until AND s.recorded_at <= recorded
    ),
    submission AS MATERIALIZED (
        SELECT DISTINCT v.assignment_id, v.user_id, v.submitted_at
          FROM version v
         WHERE v.submitted_at IS NOT NULL AND v.newest_state <> 'deleted'
    ),
    named AS (
        SELECT o.user_id, o.user_uuid
          FROM outcomes_internal.uuid_owner(
               tenant,
               ARRAY(SELECT i.user_uuid
                       FROM outcomes.user_identity i
                      WHERE i.root_account_uuid = tenant AND i.user_id = ANY (ARRAY(SELECT DISTINCT submission.user_id FROM submission))),
               moment, known_at) o
         UNION ALL
        SELECT DISTINCT submission.user_id, 'id:' || submission.user_id FROM submission
    )
    SELECT s.assignment_id, n.user_uuid, s.submitted_at,
           lead(s.submitted_at, 1, 'infinity') OVER (PARTITION BY s.assignment_id, n.user_uuid ORDER BY s.submitted_at)
      FROM submission s
      JOIN named n USING (user_id);
END
$$;
COMMENT ON FUNCTION outcomes_internal.submission_time IS
    'When students handed in these assignments, and when they did so again (infinity: not yet), by every name that rollups may call them. '
    'Submissions that are deleted by that moment are left out.';
