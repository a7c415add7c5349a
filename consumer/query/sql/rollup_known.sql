-- Whether any event has ever told of a result of this student for this outcome in this course, by any name that the student has.
SELECT EXISTS (
       SELECT
         FROM outcomes_internal.student_uuids($1, $2, $3, NULL, NULL) AS theirs
         JOIN learning_outcome_result_version AS r ON r.root_account_uuid = $1 AND r.user_uuid = theirs.user_uuid
        WHERE r.learning_outcome_id = $4
          AND outcomes_internal.course_of(r.result_context_type, r.result_context_id) IS NOT DISTINCT FROM $2
          AND coalesce(r.created_at, r.assessed_at, r.event_time) >= theirs.held_from
          AND coalesce(r.created_at, r.assessed_at, r.event_time) < theirs.held_until)
