-- Where the outcomes of a course are at a moment, each by its first link.
SELECT DISTINCT ON (p.learning_outcome_id) p.learning_outcome_id, p.titles
  FROM outcome_path_at($1, 'Course', $2, $3) AS p
 ORDER BY p.learning_outcome_id, p.learning_outcome_link_id
