-- One course ($2) at a moment, with what only REST tells of it, its term, and how many students are in it.
SELECT asked.id, c.name, c.uuid, c.account_id, c.workflow_state, c.created_at, root.id AS root_id, d.course_code, d.start_at, d.end_at,
       d.sis_course_id, d.enrollment_term_id, t.name AS term_name, t.start_at AS term_start_at, t.end_at AS term_end_at,
       (SELECT count(DISTINCT e.user_id) FROM ({course_enrollments.sql}) AS e
         WHERE e.type = 'StudentEnrollment' AND e.enrollment_state IN ('active', 'invited')) AS total_students
  FROM (SELECT $2::bigint AS id) AS asked
 CROSS JOIN (SELECT outcomes_internal.root_account($1, $3)) AS root (id)
  LEFT JOIN LATERAL course_at($1, asked.id, $3) AS c ON true
  LEFT JOIN LATERAL course_detail_at($1, asked.id, $3) AS d ON true
  LEFT JOIN LATERAL enrollment_term_at($1, d.enrollment_term_id, $3) AS t ON true
