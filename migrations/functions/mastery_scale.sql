CREATE OR REPLACE FUNCTION outcomes.mastery_scale(
    tenant text, context_type text, context_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (level integer, description text, points double precision, mastery boolean, color text, points_possible double precision,
               mastery_points double precision, outcome_proficiency_id bigint, owner_type text, owner_id bigint, since timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5 AS $$
    SELECT (cardinality(l.points) + 1 - n)::integer, l.descriptions[n], l.points[n], l.mastery[n], l.colors[n],
           l.points[cardinality(l.points)], l.points[array_position(l.mastery, true)],
           s.outcome_proficiency_id, s.scale_owner_type, s.scale_owner_id, s.scale_since
      FROM outcomes.mastery_setting($1, $2, $3, $4, $5) s
     CROSS JOIN LATERAL outcomes_internal.levels_of(s.outcome_proficiency_ratings) l
     CROSS JOIN LATERAL generate_subscripts(l.points, 1) n
     WHERE s.outcome_proficiency_id IS NOT NULL
     ORDER BY n DESC
$$;
COMMENT ON FUNCTION outcomes.mastery_scale IS
    'The account-level scale that applies to a Course or an Account, a row for each level, highest first, and whose it is. No row:'
    ' the outcomes'' own criteria count.';
