-- Whether any event has ever told of a course: itself, by a result in it, or by a section or an enrolment.
SELECT EXISTS (SELECT FROM course_version AS c WHERE c.root_account_uuid = $1 AND c.id = $2)
       OR EXISTS (SELECT
                    FROM learning_outcome_result_version AS r
                   WHERE r.root_account_uuid = $1 AND r.result_context_id = $2
                     AND coalesce(r.result_context_type, 'Course') = 'Course')
       OR EXISTS (SELECT FROM course_section_version AS s WHERE s.root_account_uuid = $1 AND s.course_id = $2)
       OR EXISTS (SELECT FROM enrollment_version AS e WHERE e.root_account_uuid = $1 AND e.course_id = $2)
