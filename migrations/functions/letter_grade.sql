-- All arithmetic of letters is decimal, as Canvas': 0.545 x 100 is 54.5, and 93.999 is not 94.
CREATE OR REPLACE FUNCTION outcomes.letter_grade(grading_scheme jsonb, percent numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT entry.name
      FROM (SELECT name, value, place, value * 100 <= greatest(percent, 0) AS reached
              FROM outcomes_internal.grading_scheme_entries(grading_scheme)) AS entry
     WHERE percent <> 'NaN'
     ORDER BY entry.reached DESC, CASE WHEN entry.reached THEN -entry.value ELSE entry.value END, entry.place
     LIMIT 1;
END;
COMMENT ON FUNCTION outcomes.letter_grade IS
    'The letter of a percentage: the entry with the greatest bound that is reached, else the lowest one. Exact decimals, nothing '
    'is rounded; negative is 0; null stays null. grading_scheme null is the built-in scheme.';
