-- The students of a course at a moment, as Canvas decides whose rows its gradebook has: the enrolled ones, and those of whom no enrolment was
-- ever told who have any result in it, whatever became of that.
WITH result AS (
    SELECT v.id
      FROM learning_outcome_result_version AS v
     WHERE v.root_account_uuid = $1 AND v.result_context_id = $2 AND coalesce(v.result_context_type, 'Course') = 'Course'
     UNION
    SELECT v.id
      FROM learning_outcome_result_version AS v
     WHERE $2::bigint IS NULL AND v.root_account_uuid = $1 AND outcomes_internal.course_of(v.result_context_type, v.result_context_id) IS NULL
),
seen AS MATERIALIZED (
    SELECT DISTINCT r.user_uuid, coalesce(r.created_at, r.assessed_at, r.event_time) AS made_at
      FROM result
     CROSS JOIN LATERAL learning_outcome_result_at($1, result.id, $3, $4) AS r
     WHERE outcomes_internal.course_of(r.result_context_type, r.result_context_id) IS NOT DISTINCT FROM $2 AND r.user_uuid IS NOT NULL
)
SELECT p.counts_as COLLATE "C" AS user_uuid
  FROM outcomes_internal.result_person($1, $2, ARRAY(SELECT DISTINCT seen.user_uuid FROM seen), $3, $4) AS p
 WHERE p.counts_as IS NOT NULL
   AND EXISTS (SELECT
                 FROM seen
                WHERE seen.user_uuid = p.user_uuid AND seen.made_at >= p.held_from AND seen.made_at < p.held_until)
 UNION
SELECT coalesce(r.user_uuid, 'id:' || r.user_id) COLLATE "C"
  FROM course_roster_at($1, $2, $3, $4) AS r
 WHERE r.standing = 'enrolled'
 ORDER BY 1
