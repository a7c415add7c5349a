CREATE OR REPLACE FUNCTION outcomes_internal.legal_int(calculation_method text, calculation_int integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
           WHEN calculation_method IN ('decaying_average', 'weighted_average')
           THEN CASE WHEN calculation_int BETWEEN 1 AND 99 THEN calculation_int ELSE 65 END
           WHEN calculation_method = 'standard_decaying_average'
           THEN CASE WHEN calculation_int BETWEEN 50 AND 99 THEN calculation_int ELSE 65 END
           WHEN calculation_method = 'n_mastery'
           THEN CASE WHEN calculation_int BETWEEN 1 AND 10 THEN calculation_int ELSE 5 END
           END
$$;
COMMENT ON FUNCTION outcomes_internal.legal_int IS
    'calculation_int as the method uses it: the default where it is absent or out of its legal range, null where the method has '
    'none.';
