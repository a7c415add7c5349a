-- Each score of a course that is another one than at an earlier moment ($3), before and after.
SELECT user_uuid, learning_outcome_id, score_before, score, rating_before, rating, calculation_method_before, calculation_method,
       calculation_int_before, calculation_int, mastery_points_before, mastery_points, points_possible_before, points_possible
  FROM mastery_change($1, $2, $3, $4, NULL, $5)
