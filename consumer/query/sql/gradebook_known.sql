-- Whether any event has ever told of a course, itself or by a result in it.
SELECT EXISTS (SELECT FROM course_version AS c WHERE c.root_account_uuid = $1 AND c.id = $2)
       OR EXISTS (SELECT
                    FROM learning_outcome_result_version AS r
                   WHERE r.root_account_uuid = $1 AND r.result_context_id = $2
                     AND coalesce(r.result_context_type, 'Course') = 'Course')
