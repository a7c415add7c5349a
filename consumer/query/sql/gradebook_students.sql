-- The students of a course at a moment: those with any result in it, whatever became of that.
WITH result AS (
    SELECT v.id
      FROM learning_outcome_result_version AS v
     WHERE v.root_account_uuid = $1 AND v.result_context_id = $2 AND coalesce(v.result_context_type, 'Course') = 'Course'
     UNION
    SELECT v.id
      FROM learning_outcome_result_version AS v
     WHERE $2::bigint IS NULL AND v.root_account_uuid = $1 AND outcomes_internal.course_of(v.result_context_type, v.result_context_id) IS NULL
)
SELECT DISTINCT r.user_uuid COLLATE "C" AS user_uuid
  FROM result
 CROSS JOIN LATERAL learning_outcome_result_at($1, result.id, $3, $4) AS r
 WHERE outcomes_internal.course_of(r.result_context_type, r.result_context_id) IS NOT DISTINCT FROM $2 AND r.user_uuid IS NOT NULL
 ORDER BY 1
