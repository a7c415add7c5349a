-- The courses that a person was enrolled in as a student, or has results in, by name: known by id ($2) and by what results call the
-- person ($3).
WITH RECURSIVE same (id) AS (
    SELECT $2::bigint
     UNION
    SELECT m.id FROM same JOIN user_merge AS m ON m.root_account_uuid = $1 AND m.merged_into_user_id = same.id
),
seen AS (
    SELECT e.course_id AS id
      FROM enrollment AS e
     WHERE e.root_account_uuid = $1 AND e.user_id = ANY (ARRAY(SELECT same.id FROM same)) AND e.type = 'StudentEnrollment'
     UNION
    SELECT c.id -- course by course: results have no index by student alone
      FROM course AS c
     WHERE c.root_account_uuid = $1
       AND EXISTS (SELECT
                     FROM learning_outcome_result AS r
                    WHERE r.root_account_uuid = $1 AND r.result_context_id = c.id AND r.user_uuid = ANY ($3::text[])
                      AND coalesce(r.result_context_type, 'Course') = 'Course')
)
SELECT seen.id, c.name, count(*) OVER () AS total
  FROM seen
  LEFT JOIN course AS c ON c.root_account_uuid = $1 AND c.id = seen.id
 WHERE seen.id IS NOT NULL AND c.workflow_state IS DISTINCT FROM 'deleted'
 ORDER BY lower(c.name), seen.id
 LIMIT $4 OFFSET $5
