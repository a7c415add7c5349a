CREATE OR REPLACE FUNCTION outcomes_internal.grading_scheme_entries(grading_scheme jsonb)
RETURNS TABLE (place bigint, name text, value numeric) LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT entry.place,
           btrim(CASE jsonb_typeof(entry.said) WHEN 'array' THEN entry.said ->> 0 ELSE entry.said ->> 'name' END,
                 E' \t\n\x0B\f\r'),
           round((CASE jsonb_typeof(entry.said) WHEN 'array' THEN entry.said ->> 1 ELSE entry.said ->> 'value' END)::numeric, 4)
      FROM jsonb_array_elements(coalesce(nullif(grading_scheme, 'null'), outcomes.default_grading_scheme()))
           WITH ORDINALITY AS entry (said, place);
END;
COMMENT ON FUNCTION outcomes_internal.grading_scheme_entries IS
    'The entries of a scheme as rows: place in the list, name without blanks around it, lower bound as a fraction with 4 decimals.'
    ' Takes [{"name": "A", "value": 0.94}, ...] and [["A", 0.94], ...]; null is the built-in scheme.';
