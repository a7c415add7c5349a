-- Who and what a result is about, with the titles of today.
SELECT r.user_uuid, r.learning_outcome_id, o.title AS outcome_title,
       outcomes_internal.course_of(r.result_context_type, r.result_context_id) AS course_id, c.name AS course_name
  FROM learning_outcome_result AS r
  LEFT JOIN learning_outcome AS o ON o.root_account_uuid = $1 AND o.id = r.learning_outcome_id
  LEFT JOIN course AS c ON c.root_account_uuid = $1 AND c.id = outcomes_internal.course_of(r.result_context_type, r.result_context_id)
 WHERE r.root_account_uuid = $1 AND r.id = $2
