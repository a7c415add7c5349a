-- The scores of a course at a moment.
SELECT user_uuid, learning_outcome_id, score, mastery, rating, color, results, last_assessed_at
  FROM outcome_rollup_at($1, $2, $3, $4, $5)
