-- Canvas computes in Ruby's doubles, where the last cent depends on each operation. Weights are 0.01 * int and 0.01 * (100 - int). A list is
-- added up with a correction of what rounding lost (Array#sum). The result is rounded once, by Float#round(2). See Canvas'
-- app/models/rollup_score.rb and app/helpers/rollup_score_aggregator_helper.rb, and Ruby's array.c and float.c.
CREATE OR REPLACE FUNCTION outcomes_internal.rollup_score(
    calculation_method text, calculation_int integer, "values" double precision[], mastery_points double precision)
RETURNS numeric LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    n integer := cardinality("values");
    added double precision[]; -- the values whose mean counts
    v double precision;
    total double precision := 0;
    lost double precision := 0; -- what rounding has cut off total
    number integer; -- the percentage that the newest value weighs
    newest double precision;
    older double precision;
    score double precision;
    size double precision;
    cents double precision;
BEGIN
    IF n = 0 OR array_position("values", NULL) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    CASE coalesce(calculation_method, 'highest')
    WHEN 'highest' THEN
        score := "values"[1];
        FOR i IN 2 .. n LOOP
            score := greatest(score, "values"[i]);
        END LOOP;
    WHEN 'latest' THEN
        score := "values"[n];
    WHEN 'average' THEN
        added := "values";
    WHEN 'n_mastery' THEN
        FOREACH v IN ARRAY "values" LOOP
            IF v >= mastery_points THEN
                added := added || v;
            END IF;
        END LOOP;
        IF coalesce(cardinality(added), 0) < outcomes_internal.legal_int(calculation_method, calculation_int) THEN
            RETURN NULL;
        END IF;
    WHEN 'decaying_average', 'weighted_average' THEN
        IF n = 1 THEN
            score := "values"[1];
        ELSE
            added := "values"[:n - 1];
            number := outcomes_internal.legal_int(calculation_method, calculation_int);
        END IF;
    WHEN 'standard_decaying_average' THEN
        number := outcomes_internal.legal_int(calculation_method, calculation_int);
        newest := 0.01::double precision * number;
        older := 0.01::double precision * (100 - number);
        score := "values"[1];
        FOR i IN 2 .. n LOOP
            -- Many zeros after a good score would make it underflow.
            score := outcomes_internal.flush_to_zero(score * older) + "values"[i] * newest;
        END LOOP;
    ELSE
        RETURN NULL; -- an unknown method: no score is better than a wrong one
    END CASE;

    IF added IS NOT NULL THEN
        -- Array#sum is the Kahan-Babuska algorithm: the greater of two numbers tells what their addition has rounded away.
        FOREACH v IN ARRAY added LOOP
            lost := lost + CASE WHEN abs(total) >= abs(v) THEN (total - (total + v)) + v ELSE (v - (total + v)) + total END;
            total := total + v;
        END LOOP;
        score := (total + lost) / cardinality(added);
        IF number IS NOT NULL THEN
            score := "values"[n] * (0.01::double precision * number) + score * (0.01::double precision * (100 - number));
        END IF;
    END IF;

    -- Float#round(2) rounds halves away from zero; the comparison finds a half that the multiplication by 100 has rounded down. From 2^59
    -- on doubles have no cents. Below 10^13 the number of cents gives the shortest decimal, and faster.
    size := abs(score);
    IF size < 576460752303423488 THEN
        cents := floor(size * 100) + floor(2 * (size * 100 - floor(size * 100)));
        cents := sign(score) * (cents + CASE WHEN (cents + 0.5::double precision) / 100 <= size THEN 1 ELSE 0 END);
        IF size < 1e13 THEN
            RETURN cents::bigint * 0.01;
        END IF;
        score := cents / 100;
    END IF;
    RETURN outcomes_internal.shortest_decimal(score);
END
$$;
COMMENT ON FUNCTION outcomes_internal.rollup_score IS
    'The score of values in time order, by Canvas'' stored name of the method; computed in doubles and rounded once, to cents, as '
    'Ruby does. Null: no score.';
