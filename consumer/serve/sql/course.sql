-- One course ($2) at a moment, with what only REST tells of it, and its term.
SELECT asked.id, c.name, c.uuid, c.account_id, c.workflow_state, c.created_at, root.id AS root_id, d.id IS NOT NULL AS detailed,
       d.course_code, d.start_at, d.end_at, d.sis_course_id, d.enrollment_term_id, t.name AS term_name, t.start_at AS term_start_at,
       t.end_at AS term_end_at
  FROM (SELECT $2::bigint AS id) AS asked
 CROSS JOIN (SELECT outcomes_internal.root_account($1, $3)) AS root (id)
  LEFT JOIN LATERAL course_at($1, asked.id, $3) AS c ON true
  LEFT JOIN LATERAL course_detail_at($1, asked.id, $3) AS d ON true
  LEFT JOIN LATERAL enrollment_term_at($1, d.enrollment_term_id, $3) AS t ON true
