-- The sections of a course ($2) at a moment, by name; or one ($4) of any course. With how many students are in it.
SELECT s.id, s.name, s.course_id, s.nonxlist_course_id, s.start_at, s.end_at, s.restrict_enrollments_to_section_dates, s.sis_source_id,
       s.integration_id, count(*) OVER () AS total, c.sis_course_id,
       CASE WHEN $5::boolean
            THEN (SELECT coalesce(cardinality(student.ids), 0) - count(gone.user_id)
                    FROM (SELECT array_agg(DISTINCT e.user_id) AS ids
                            FROM (SELECT DISTINCT v.id
                                    FROM enrollment_version AS v
                                   WHERE v.root_account_uuid = $1 AND v.course_section_id = s.id) AS seen
                           CROSS JOIN LATERAL enrollment_at($1, seen.id, $3) AS e
                           WHERE e.course_section_id = s.id AND e.type = 'StudentEnrollment' AND e.workflow_state IN ('active', 'invited')
                             AND e.user_id IS NOT NULL) AS student
                    LEFT JOIN LATERAL outcomes_internal.gone_users($1, student.ids, $3, NULL) AS gone
                      ON gone.merged_into_user_id IS NULL -- the enrolments of who is merged are somebody else's
                   GROUP BY student.ids)
       END AS total_students
  FROM (SELECT DISTINCT v.id
          FROM course_section_version AS v
         WHERE v.root_account_uuid = $1 AND CASE WHEN $2::bigint IS NULL THEN v.id = $4::bigint ELSE v.course_id = $2 END) AS seen
 CROSS JOIN LATERAL course_section_at($1, seen.id, $3) AS s
  LEFT JOIN LATERAL course_detail_at($1, s.course_id, $3) AS c ON true
 WHERE s.course_id = coalesce($2, s.course_id) AND s.id = coalesce($4, s.id) AND s.workflow_state IS DISTINCT FROM 'deleted'
 ORDER BY lower(s.name), s.id
 LIMIT $6 OFFSET $7
