-- The scores of some students of a course at a moment: those of a page, which take a fraction of the time of all.
SELECT user_uuid, learning_outcome_id, score, mastery, rating, color, results, last_assessed_at
  FROM outcomes_internal.rollup_of_students($1, $2, $5, $3, $4)
