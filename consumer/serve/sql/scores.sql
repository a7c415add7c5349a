-- The scores of these students ($4) of a course at a moment, of these outcomes ($5).
SELECT r.user_uuid, r.learning_outcome_id, r.score::double precision AS score
  FROM outcomes_internal.rollup_of_students($1, $2, $4, $3, NULL) AS r
 WHERE $5::bigint[] IS NULL OR r.learning_outcome_id = ANY ($5)
