-- Each change of one rollup, in time order, with the names of outcome and course of today.
SELECT t.*, o.title, c.name AS course_name,
       (SELECT p.path
          FROM outcome_path AS p
         WHERE p.root_account_uuid = $1 AND p.context_type = 'Course' AND p.context_id = $2 AND p.learning_outcome_id = $4
         ORDER BY p.learning_outcome_link_id
         LIMIT 1) AS outcome_path
  FROM mastery_timeline($1, $2, $3, $4) AS t
  LEFT JOIN learning_outcome AS o ON o.root_account_uuid = $1 AND o.id = $4
  LEFT JOIN course AS c ON c.root_account_uuid = $1 AND c.id = $2
 ORDER BY t.at
