CREATE OR REPLACE FUNCTION outcomes.grading_scheme_of_version_1(grading_scheme jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
    SELECT outcomes.normal_grading_scheme(jsonb_agg(jsonb_build_array(entry.name, entry.lower_bound) ORDER BY entry.place))
      FROM (SELECT upper.place, upper.name,
                   coalesce(lead(upper.value) OVER (ORDER BY upper.place) + 0.01, 0) AS lower_bound
              FROM outcomes_internal.grading_scheme_entries(grading_scheme) AS upper) AS entry;
END;
COMMENT ON FUNCTION outcomes.grading_scheme_of_version_1 IS
    'Old data of Canvas (version 1, upper bounds, falling) as a scheme of lower bounds: each entry gets the next one''s bound + '
    '0.01, the last gets 0.';
