CREATE OR REPLACE FUNCTION outcomes_internal.score_weights(calculation_method text, calculation_int integer)
RETURNS TABLE (newest_weight double precision, older_weight double precision, mean_weight double precision, highest_weight double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT w.newest, w.older, w.mean, w.highest
      FROM (VALUES ('highest', 0, 0, 0, 1),
                   ('average', 0, 0, 1, 0),
                   ('latest', 1, 0, 0, 0),
                   ('decaying_average', 0.01 * calculation_int, 0.01 * (100 - calculation_int), 0, 0),
                   ('weighted_average', 0.01 * calculation_int, 0.01 * (100 - calculation_int), 0, 0)) w (method, newest, older, mean, highest)
     WHERE w.method = coalesce(calculation_method, 'highest')
$$;
COMMENT ON FUNCTION outcomes_internal.score_weights IS
    'What the newest value, the mean of the older ones, the mean of all and the greatest weigh in a score, by a legal calculation_int. No '
    'row for methods that need every value.';
