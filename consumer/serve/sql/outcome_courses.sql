-- The courses that have results of an outcome today, by name, and how their students were spread over its levels at a moment.
WITH seen AS (
    SELECT DISTINCT r.result_context_id AS id
      FROM learning_outcome_result AS r
     WHERE r.root_account_uuid = $1 AND r.learning_outcome_id = $2 AND coalesce(r.result_context_type, 'Course') = 'Course'
       AND r.result_context_id IS NOT NULL
),
listed AS MATERIALIZED (
    SELECT seen.id, c.name, count(*) OVER () AS total
      FROM seen
      LEFT JOIN course AS c ON c.root_account_uuid = $1 AND c.id = seen.id
     WHERE c.workflow_state IS DISTINCT FROM 'deleted'
     ORDER BY lower(c.name), seen.id
     LIMIT $4 OFFSET $5
)
SELECT listed.id, listed.name, listed.total, s.mean, coalesce(s.assessed, 0) AS assessed, coalesce(s.mastered, 0) AS mastered,
       coalesce(s.levels, '[]') AS levels
  FROM listed
  LEFT JOIN LATERAL (SELECT * FROM course_outcome_summary_of($1, listed.id, $3) AS s WHERE s.learning_outcome_id = $2) AS s ON true
 ORDER BY lower(listed.name), listed.id
