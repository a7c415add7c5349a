-- Whose enrolment it is, and in which course, follows the same rules as course_enrollment: a newer merge and a newer section win. An
-- enrolment of which nobody told whether it is limited to its section is.
CREATE OR REPLACE FUNCTION outcomes_internal.teaching_rights(tenant text, user_ids bigint[])
RETURNS TABLE (scope text, scope_id bigint, course_id bigint)
LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE same (id) AS (
        SELECT unnest($2)
         UNION
        SELECT m.id FROM same JOIN outcomes.user_merge m ON m.root_account_uuid = $1 AND m.merged_into_user_id = same.id
    ),
    own AS (
        SELECT e.id, e.course_section_id, e.limit_privileges_to_course_section IS NOT false AS limited,
               CASE WHEN s.event_time > e.event_time THEN coalesce(s.course_id, e.course_id) ELSE e.course_id END AS course_id,
               CASE WHEN m.event_time > e.event_time THEN m.becomes ELSE e.user_id END AS user_id
          FROM outcomes.enrollment e
          LEFT JOIN outcomes.course_section s ON s.root_account_uuid = $1 AND s.id = e.course_section_id
          LEFT JOIN outcomes_internal.merged_user($1, ARRAY(SELECT same.id FROM same), NULL, NULL) m ON m.user_id = e.user_id
         WHERE e.root_account_uuid = $1 AND e.user_id = ANY (ARRAY(SELECT same.id FROM same))
           AND e.type IN ('TeacherEnrollment', 'TaEnrollment') AND e.workflow_state = 'active'
           AND s.workflow_state IS DISTINCT FROM 'deleted'
    )
    SELECT CASE WHEN own.limited THEN 'section' ELSE 'course' END, CASE WHEN own.limited THEN own.course_section_id ELSE own.course_id END,
           own.course_id
      FROM own
      LEFT JOIN outcomes.course c ON c.root_account_uuid = $1 AND c.id = own.course_id
      LEFT JOIN outcomes.enrollment_state state ON state.root_account_uuid = $1 AND state.id = own.id
     WHERE own.user_id = ANY ($2) AND own.course_id IS NOT NULL
       AND c.workflow_state IS DISTINCT FROM 'deleted' AND coalesce(state.state, 'active') = 'active'
       AND NOT EXISTS (SELECT FROM outcomes_internal.gone_users($1, $2, NULL, NULL) gone WHERE gone.user_id = own.user_id)
$$;
COMMENT ON FUNCTION outcomes_internal.teaching_rights IS
    'The courses, or sections of courses, that these users teach or assist in, by enrolments that are active now.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.teaching_rights FROM PUBLIC;
