-- Adding up in another order, or without what rounding loses, changes a sum of numbers from 0 to 10^6 in its tenth decimal at most.
CREATE OR REPLACE FUNCTION outcomes_internal.near_score(
    results bigint, total double precision, highest double precision, newest double precision,
    newest_weight double precision, older_weight double precision, mean_weight double precision, highest_weight double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN total < 1e6
                THEN newest * newest_weight
                     + CASE WHEN results > 1 THEN (total - newest) / (results - 1) ELSE newest END * older_weight
                     + total / results * mean_weight
                     + highest * highest_weight END
$$;
COMMENT ON FUNCTION outcomes_internal.near_score IS
    'rollup_score of that many results, to a millionth of a point, from their sum, their greatest and their newest value, by '
    'score_weights. total is 10^6 or more where a value is missing, negative or too large to tell. Null where it takes all values.';
