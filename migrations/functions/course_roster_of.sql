CREATE OR REPLACE FUNCTION outcomes_internal.course_roster_of(tenant text, course_id bigint, at timestamptz, known_at timestamptz)
RETURNS TABLE (user_id bigint, user_uuid text, past_uuids text[], standing text, test_student boolean, sections bigint[],
               enrollments jsonb, concluded boolean, inactive boolean, merged_into_user_id bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
SET enable_nestloop = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    course CONSTANT bigint := course_id;
    moment CONSTANT timestamptz := at;
    until CONSTANT timestamptz := coalesce(at, 'infinity');
    recorded CONSTANT timestamptz := coalesce(known_at, 'infinity');
BEGIN
    RETURN QUERY
    WITH enrollment AS MATERIALIZED (
        SELECT e.*, e.here AND e.workflow_state <> 'deleted' AS counts
          FROM outcomes_internal.course_enrollment(tenant, course, moment, known_at) e
         WHERE e.type IN ('StudentEnrollment', 'StudentViewEnrollment') AND e.user_id IS NOT NULL
    ),
    student AS MATERIALIZED (
        SELECT e.user_id, bool_or(e.counts) AND gone.user_id IS NULL AS enrolled, gone.merged_into_user_id
          FROM enrollment e
          LEFT JOIN outcomes_internal.gone_users(tenant, ARRAY(SELECT DISTINCT enrollment.user_id FROM enrollment), moment, known_at) gone
            ON gone.user_id = e.user_id
         GROUP BY e.user_id, gone.user_id, gone.merged_into_user_id
    ),
    state AS MATERIALIZED (
        SELECT DISTINCT ON (s.id) s.id, s.state
          FROM outcomes.enrollment_state_version s
         WHERE s.root_account_uuid = tenant AND s.id = ANY (ARRAY(SELECT enrollment.id FROM enrollment))
           AND s.event_time <= until AND s.recorded_at <= recorded
         ORDER BY s.id, s.event_time DESC, s.event_name DESC, s.updated_at DESC NULLS LAST, s.version_hash DESC
    ),
    past AS (
        SELECT p.user_id, array_agg(DISTINCT p.user_uuid) AS uuids
          FROM outcomes.user_past_uuid p
         WHERE p.root_account_uuid = tenant AND p.course_id = course AND p.since <= until AND p.recorded_at <= recorded
         GROUP BY p.user_id
    ),
    -- Sorted once, because an aggregate that sorts does so for each student.
    listed AS (
        SELECT s.user_id, s.enrolled, s.merged_into_user_id, e.id, e.course_section_id, e.workflow_state, e.type, e.created_at, state.state
          FROM student s
          JOIN enrollment e ON e.user_id = s.user_id AND (e.counts OR NOT s.enrolled)
          LEFT JOIN state ON state.id = e.id
         ORDER BY s.user_id, e.id
    ),
    summed AS (
        SELECT l.user_id, l.enrolled, l.merged_into_user_id, bool_or(l.type = 'StudentViewEnrollment') AS test_student,
               array_agg(l.course_section_id) AS sections,
               jsonb_agg(jsonb_build_object('id', l.id, 'course_section_id', l.course_section_id, 'workflow_state', l.workflow_state,
                                            'state', l.state, 'type', l.type, 'created_at', l.created_at)) AS enrollments,
               bool_and(l.workflow_state IN ('completed', 'deleted')) AS concluded, bool_and(l.workflow_state = 'inactive') AS inactive
          FROM listed l
         GROUP BY l.user_id, l.enrolled, l.merged_into_user_id
    )
    SELECT s.user_id, u.user_uuid,
           CASE WHEN past.uuids IS NULL AND cardinality(u.uuids) = 1 AND u.user_uuid IS NOT NULL THEN '{}'
                ELSE ARRAY(SELECT DISTINCT other FROM unnest(u.uuids || past.uuids) other WHERE other IS DISTINCT FROM u.user_uuid ORDER BY other)
           END,
           CASE WHEN s.enrolled THEN 'enrolled' ELSE 'left' END, s.test_student,
           CASE WHEN cardinality(s.sections) = 1 AND s.sections[1] IS NOT NULL THEN s.sections
                ELSE ARRAY(SELECT DISTINCT section FROM unnest(s.sections) section WHERE section IS NOT NULL ORDER BY section) END,
           s.enrollments, s.concluded, s.inactive, s.merged_into_user_id
      FROM summed s
      LEFT JOIN outcomes_internal.user_uuids(tenant, ARRAY(SELECT student.user_id FROM student), moment, known_at) u ON u.user_id = s.user_id
      LEFT JOIN past ON past.user_id = s.user_id;
END
$$;
COMMENT ON FUNCTION outcomes_internal.course_roster_of IS 'What course_roster and course_roster_at stand on.';
