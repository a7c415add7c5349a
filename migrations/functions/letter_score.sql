CREATE OR REPLACE FUNCTION outcomes.letter_score(
    grading_scheme jsonb, letter text, points_based boolean DEFAULT false, scaling_factor numeric DEFAULT 1) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT trim_scale(CASE
               WHEN entry.next_higher IS NULL THEN 100
               WHEN points_based THEN entry.next_higher * 100 - 10 / coalesce(nullif(scaling_factor, 0), 1)
               WHEN entry.next_higher - entry.value >= 0.01 THEN entry.next_higher * 100 - 1
               ELSE entry.next_higher * 100 - 0.1
           END)
      FROM (SELECT value, place, lag(value) OVER (ORDER BY value DESC, place) AS next_higher,
                   lower(name COLLATE "default") AS name, lower(letter COLLATE "default") AS asked
              FROM outcomes_internal.grading_scheme_entries(grading_scheme)) AS entry
     WHERE regexp_replace(entry.name, E'\u2212$', '-') = regexp_replace(entry.asked, E'\u2212$', '-')
     ORDER BY entry.name = entry.asked DESC, entry.value DESC, entry.place
     LIMIT 1;
END;
COMMENT ON FUNCTION outcomes.letter_score IS
    'The percentage that Canvas enters for a letter: 100 for the top one; else below the next higher bound by 1 percent, by 0.1 '
    'percent where the step is less than 1, by 0.1 point where points_based. Case does not matter, a minus sign at the end may be '
    'U+2212. Null for an unknown letter.';
