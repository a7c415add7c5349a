-- The scores of some students of a course at a moment, by the scale of that moment: also of those who count nowhere.
SELECT r.user_uuid, r.learning_outcome_id, r.score, r.mastery, r.rating, r.color, r.results, r.last_assessed_at
  FROM unnest($5::text[]) AS student (user_uuid)
 CROSS JOIN unnest($6::bigint[]) AS outcome (id)
 CROSS JOIN LATERAL student_rollup_of($1, $2, student.user_uuid, outcome.id, $3, $4) AS r
