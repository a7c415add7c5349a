-- An enrolment is where the newer of two tells: itself, or its section, which takes its enrolments along when it is cross-listed and posts
-- no event of them (app/models/course_section.rb). It is whose it tells, or after a merge that is newer the user's into whom Canvas merged
-- that one in the end, because merges move enrolments without an event too (lib/user_merge.rb).
CREATE OR REPLACE FUNCTION outcomes_internal.course_enrollment(tenant text, course_id bigint, at timestamptz, known_at timestamptz)
RETURNS TABLE (id bigint, user_id bigint, course_section_id bigint, type text, workflow_state text, created_at timestamptz, here boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500
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
    WITH housed AS MATERIALIZED ( -- sections that were ever in the course
        SELECT s.id, max(s.event_time) AS event_time
          FROM outcomes.course_section_version s
         WHERE s.root_account_uuid = tenant AND s.course_id = course AND s.event_time <= until AND s.recorded_at <= recorded
         GROUP BY s.id
    ),
    told AS MATERIALIZED (
        SELECT e.id, e.user_id
          FROM outcomes.enrollment_version e
         WHERE e.root_account_uuid = tenant AND e.course_id = course AND e.event_time <= until AND e.recorded_at <= recorded
         UNION
        SELECT e.id, e.user_id
          FROM outcomes.enrollment_version e
          JOIN housed h ON h.id = e.course_section_id AND h.event_time > e.event_time
         WHERE e.root_account_uuid = tenant AND e.course_section_id = ANY (ARRAY(SELECT housed.id FROM housed))
           AND e.recorded_at <= recorded
    ),
    enrollment AS MATERIALIZED (
        SELECT DISTINCT ON (e.id) e.id, e.user_id, e.course_id, e.course_section_id, e.type, e.workflow_state, e.created_at, e.event_time
          FROM outcomes.enrollment_version e
         WHERE e.root_account_uuid = tenant AND e.id = ANY (ARRAY(SELECT DISTINCT told.id FROM told))
           AND e.event_time <= until AND e.recorded_at <= recorded
         ORDER BY e.id, e.event_time DESC, e.event_name DESC, e.updated_at DESC NULLS LAST, e.version_hash DESC
    ),
    section AS MATERIALIZED (
        SELECT DISTINCT ON (s.id) s.id, s.course_id, s.event_time
          FROM outcomes.course_section_version s
         WHERE s.root_account_uuid = tenant AND s.id = ANY (ARRAY(SELECT DISTINCT e.course_section_id FROM enrollment e))
           AND s.event_time <= until AND s.recorded_at <= recorded
         ORDER BY s.id, s.event_time DESC, s.event_name DESC, s.updated_at DESC NULLS LAST, s.version_hash DESC
    ),
    placed AS MATERIALIZED (
        SELECT e.id, coalesce(m.becomes, e.user_id) AS user_id, e.course_section_id, e.type, e.workflow_state, e.created_at,
               coalesce(s.course_id, e.course_id) = course AS here
          FROM enrollment e
          LEFT JOIN section s ON s.id = e.course_section_id AND s.event_time > e.event_time
          LEFT JOIN outcomes_internal.merged_user(tenant, ARRAY(SELECT DISTINCT e.user_id FROM enrollment e), moment, known_at) m
                 ON m.user_id = e.user_id AND m.event_time > e.event_time
    )
    SELECT p.* FROM placed p WHERE p.user_id IS NOT NULL
     UNION ALL
    SELECT p.id, t.user_id, p.course_section_id, p.type, p.workflow_state, p.created_at, false
      FROM told t
      JOIN placed p ON p.id = t.id AND p.user_id IS DISTINCT FROM t.user_id
     WHERE t.user_id IS NOT NULL;
END
$$;
COMMENT ON FUNCTION outcomes_internal.course_enrollment IS
    'Enrolments of all types that were ever told in a course by a moment, as they are at that moment, deleted ones too, with each user '
    'whose they ever were. here: whether they are that user''s and in the course at that moment.';
