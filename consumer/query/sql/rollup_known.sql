-- Whether any event has ever told of a result of this student for this outcome in this course.
SELECT EXISTS (
       SELECT
         FROM learning_outcome_result_version AS r
        WHERE r.root_account_uuid = $1 AND r.user_uuid = $3 AND r.learning_outcome_id = $4
          AND outcomes_internal.course_of(r.result_context_type, r.result_context_id) IS NOT DISTINCT FROM $2)
