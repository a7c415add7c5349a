CREATE OR REPLACE FUNCTION outcomes.mastery_change(
    tenant text, course_id bigint, since timestamptz, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL,
    scale_at timestamptz DEFAULT NULL)
RETURNS TABLE (user_uuid text, learning_outcome_id bigint, score_before numeric, score numeric, mastery_before boolean, mastery boolean,
               rating_before text, rating text, level_before integer, level integer, results_before bigint, results bigint,
               calculation_method_before text, calculation_method text, calculation_int_before integer, calculation_int integer,
               mastery_points_before double precision, mastery_points double precision, points_possible_before double precision,
               points_possible double precision, last_assessed_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT user_uuid, learning_outcome_id, was.score, became.score, was.mastery, became.mastery, was.rating, became.rating,
           was.level, became.level, was.results, became.results, was.calculation_method, became.calculation_method,
           was.calculation_int, became.calculation_int, was.mastery_points, became.mastery_points,
           was.points_possible, became.points_possible, became.last_assessed_at
      FROM outcomes.outcome_rollup_at($1, $2, coalesce($3, '-infinity'), $5, $6) was
      FULL JOIN outcomes.outcome_rollup_at($1, $2, $4, $5, $6) became USING (user_uuid, learning_outcome_id)
     WHERE ROW(was.score, was.mastery, was.rating, was.level, was.results, was.calculation_method, was.calculation_int,
               was.mastery_points, was.points_possible)
           IS DISTINCT FROM
           ROW(became.score, became.mastery, became.rating, became.level, became.results, became.calculation_method,
               became.calculation_int, became.mastery_points, became.points_possible)
$$;
COMMENT ON FUNCTION outcomes.mastery_change IS
    'Each student and outcome of a course whose rollup is another one than at since, before and after. Nulls before: no score then; '
    'nulls after: no score any more, as of who has left. since null: from the beginning. at: until then, null is now. scale_at: both '
    'judged by the scale of one moment.';
