-- Adding up in another order, or without what rounding loses, changes a sum of numbers from 0 to 10^6 in its tenth decimal at most.
CREATE OR REPLACE FUNCTION outcomes_internal.near_score(
    calculation_method text, calculation_int integer, results bigint, total double precision, highest double precision,
    newest double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN total >= 1e6 THEN NULL
                WHEN coalesce(calculation_method, 'highest') = 'highest' THEN highest
                WHEN calculation_method = 'average' OR results = 1 AND calculation_method IN ('decaying_average', 'weighted_average')
                THEN total / results
                WHEN calculation_method = 'latest' THEN newest
                WHEN calculation_method IN ('decaying_average', 'weighted_average')
                THEN newest * (0.01::double precision * calculation_int)
                     + (total - newest) / (results - 1) * (0.01::double precision * (100 - calculation_int)) END
$$;
COMMENT ON FUNCTION outcomes_internal.near_score IS
    'rollup_score of that many results, to a millionth of a point, from their sum, their greatest and their newest value. total is 10^6 or '
    'more where a value is missing, negative or too large to tell. Null where it takes all values.';
