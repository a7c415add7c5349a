-- Our scores of some students of a course, at the time of the request.
SELECT user_uuid, learning_outcome_id, score::double precision AS score
  FROM outcomes_internal.rollup_of_students($1, $2, $3::text[], $4, NULL)
