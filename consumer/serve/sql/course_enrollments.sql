-- The enrolments that are in these courses ($2) at a moment ($3), of all types, deleted ones too; of one user ($4). Those in a deleted
-- section or course are deleted, and those of a user who is deleted or merged into another one.
WITH placed AS MATERIALIZED (
    SELECT e.*, course.id AS course_id
      FROM unnest($2::bigint[]) AS course (id)
     CROSS JOIN LATERAL outcomes_internal.course_enrollment($1, course.id, $3, NULL) AS e
     WHERE e.here AND ($4::bigint IS NULL OR e.user_id = $4)
)
SELECT e.id, e.user_id, e.course_id, e.course_section_id, e.type, e.workflow_state, e.created_at, own.updated_at,
       own.associated_user_id, own.limit_privileges_to_course_section, s.name AS section_name,
       CASE WHEN s.workflow_state = 'deleted' OR c.workflow_state = 'deleted' OR gone.user_id IS NOT NULL THEN 'deleted'
            ELSE e.workflow_state END AS enrollment_state
  FROM placed AS e
  LEFT JOIN outcomes_internal.gone_users($1, ARRAY(SELECT DISTINCT placed.user_id FROM placed), $3, NULL) AS gone
    ON gone.user_id = e.user_id
  LEFT JOIN LATERAL enrollment_at($1, e.id, $3) AS own ON true
  LEFT JOIN LATERAL course_section_at($1, e.course_section_id, $3) AS s ON true
  LEFT JOIN LATERAL course_at($1, e.course_id, $3) AS c ON true
