-- The enrolments that are in a course ($2) at a moment ($3), of all types, deleted ones too. Those in a deleted section or course are
-- deleted.
SELECT e.id, e.user_id, e.course_section_id, e.type, e.workflow_state, e.created_at, own.updated_at, own.associated_user_id,
       own.limit_privileges_to_course_section, s.name AS section_name,
       CASE WHEN s.workflow_state = 'deleted' OR c.workflow_state = 'deleted' THEN 'deleted' ELSE e.workflow_state END AS enrollment_state
  FROM outcomes_internal.course_enrollment($1, $2, $3, NULL) AS e
  LEFT JOIN LATERAL enrollment_at($1, e.id, $3) AS own ON true
  LEFT JOIN LATERAL course_section_at($1, e.course_section_id, $3) AS s ON true
  LEFT JOIN LATERAL course_at($1, $2, $3) AS c ON true
 WHERE e.here
