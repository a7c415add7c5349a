-- Whether a student has a row in a course today, whether any event told of a result of the student there, when the roster was last read,
-- and when the student's last enrolment there was deleted.
WITH theirs AS MATERIALIZED (
    SELECT u.* FROM outcomes_internal.student_uuids($1, $2, $3, NULL, NULL) AS u
)
SELECT (SELECT bool_or(theirs.shown) FROM theirs) AS shown,
       EXISTS (SELECT
                 FROM theirs
                 JOIN learning_outcome_result_version AS r ON r.root_account_uuid = $1 AND r.user_uuid = theirs.user_uuid
                WHERE outcomes_internal.course_of(r.result_context_type, r.result_context_id) IS NOT DISTINCT FROM $2
                  AND coalesce(r.created_at, r.assessed_at, r.event_time) >= theirs.held_from
                  AND coalesce(r.created_at, r.assessed_at, r.event_time) < theirs.held_until) AS assessed,
       (SELECT max(r.event_time) FROM roster_reading AS r WHERE r.root_account_uuid = $1 AND r.course_id = $2) AS read_at,
       (SELECT max(e.event_time)
          FROM enrollment AS e
         WHERE e.root_account_uuid = $1 AND e.course_id = $2 AND e.user_id = $4 AND e.workflow_state = 'deleted') AS deleted_at
