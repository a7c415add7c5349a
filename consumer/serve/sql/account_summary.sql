-- Each outcome over all courses of an account ($2) and of those below it, now, from kept summaries; by title.
SELECT s.learning_outcome_id, coalesce(nullif(o.display_name, ''), o.title) AS title, s.courses, s.assessed, s.mastered, 0 AS assessed_before,
       0 AS mastered_before, s.mean, s.scales, s.levels
  FROM account_outcome_summary($1, $2) AS s
  LEFT JOIN learning_outcome AS o ON o.root_account_uuid = $1 AND o.id = s.learning_outcome_id
 WHERE s.courses > 0
 ORDER BY lower(o.title), s.learning_outcome_id
