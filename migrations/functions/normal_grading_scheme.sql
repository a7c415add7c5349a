CREATE OR REPLACE FUNCTION outcomes.normal_grading_scheme(grading_scheme jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_agg(jsonb_build_object('name', entry.name, 'value', entry.value) ORDER BY entry.value DESC, entry.place)
      FROM outcomes_internal.grading_scheme_entries(grading_scheme) AS entry;
END;
COMMENT ON FUNCTION outcomes.normal_grading_scheme IS
    'A scheme of any shape as grading_standard keeps it: a list of {name, value}, falling, 4 decimals.';
