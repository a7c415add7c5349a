-- Without nested loops where there is a choice: nobody can estimate how many students and scores the functions tell.
CREATE OR REPLACE FUNCTION outcomes.gradebook_at(
    tenant text, course_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL, scale_at timestamptz DEFAULT NULL)
RETURNS TABLE (user_id bigint, user_uuid text, name text, sortable_name text, standing text, test_student boolean,
               learning_outcome_id bigint, title text, score numeric, mastery boolean, rating text, color text, level integer,
               level_points double precision, calculation_method text, calculation_int integer, points_possible double precision,
               mastery_points double precision, outcome_proficiency_id bigint, results bigint, last_assessed_at timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500
SET enable_nestloop = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM outcomes_internal.known_tenant(tenant);
    RETURN QUERY
    WITH rollup AS MATERIALIZED (SELECT r.* FROM outcomes_internal.rollup_of($1, $2, $3, $4, $5) r),
    student_id AS MATERIALIZED ( -- as in course_roster_of
        SELECT e.user_id, bool_or(e.type = 'StudentViewEnrollment') AS test_student
          FROM outcomes_internal.course_enrollment($1, $2, $3, $4) e
         WHERE e.here AND e.workflow_state <> 'deleted' AND e.type IN ('StudentEnrollment', 'StudentViewEnrollment')
         GROUP BY e.user_id
    ),
    enrolled AS MATERIALIZED (
        SELECT s.user_id, outcomes_internal.person_key(s.user_id, u.user_uuid) AS user_uuid, s.test_student
          FROM student_id s
          LEFT JOIN outcomes_internal.user_uuids($1, ARRAY(SELECT student_id.user_id FROM student_id), $3, $4) u ON u.user_id = s.user_id
         WHERE s.user_id NOT IN (SELECT gone.user_id
                                   FROM outcomes_internal.gone_users($1, ARRAY(SELECT student_id.user_id FROM student_id), $3, $4) gone)
    ),
    unknown AS MATERIALIZED ( -- scores are of nobody who has left
        SELECT DISTINCT r.user_uuid FROM rollup r WHERE NOT EXISTS (SELECT FROM enrolled e WHERE e.user_uuid = r.user_uuid)
    ),
    student AS MATERIALIZED (
        SELECT e.user_id, e.user_uuid, 'enrolled' AS standing, e.test_student FROM enrolled e
         UNION ALL
        SELECT o.user_id, u.user_uuid, 'unknown', false
          FROM unknown u
          LEFT JOIN outcomes_internal.uuid_owner($1, ARRAY(SELECT unknown.user_uuid FROM unknown), $3, $4) o ON o.user_uuid = u.user_uuid
    ),
    outcome AS (
        SELECT seen.id, o.title
          FROM (SELECT r.learning_outcome_id AS id FROM rollup r
                 UNION
                SELECT link.learning_outcome_id FROM outcomes_internal.course_outcome_link($1, $2, NULL, $3, $4) link WHERE link.shown) seen
          LEFT JOIN LATERAL outcomes.learning_outcome_at($1, seen.id, $3, $4) o ON true
         WHERE o.workflow_state IS DISTINCT FROM 'deleted'
    )
    SELECT s.user_id, s.user_uuid, n.name, n.sortable_name, s.standing, s.test_student, o.id, o.title, r.score, r.mastery, r.rating,
           r.color, r.level, r.level_points, r.calculation_method, r.calculation_int, r.points_possible, r.mastery_points,
           r.outcome_proficiency_id, r.results, r.last_assessed_at
      FROM student s
     CROSS JOIN outcome o
      LEFT JOIN rollup r ON r.user_uuid = s.user_uuid AND r.learning_outcome_id = o.id
      LEFT JOIN outcomes_internal.readable_names($1, ARRAY(SELECT student.user_id FROM student)) n ON n.user_id = s.user_id;
END
$$;
COMMENT ON FUNCTION outcomes.gradebook_at IS
    'A course''s gradebook at a moment (null: now): a row for each student and outcome, with nulls where there is no score. Students: '
    'the enrolled ones, and those with a score whose enrolment nothing has told (standing unknown). Outcomes: those linked in the '
    'course, and those with a score. user_id is null where nothing has told whose the uuid is; name and sortable_name are null for who may '
    'not read names. scale_at as in outcome_rollup_at.';
