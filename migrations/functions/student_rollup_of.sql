CREATE OR REPLACE FUNCTION outcomes.student_rollup_of(
    tenant text, course_id bigint, user_uuid text, outcome_id bigint, at timestamptz DEFAULT NULL,
    known_at timestamptz DEFAULT NULL)
RETURNS TABLE (user_uuid text, learning_outcome_id bigint, score numeric, mastery boolean, rating text, color text,
               calculation_method text, calculation_int integer, points_possible double precision, mastery_points double precision,
               results bigint, last_assessed_at timestamptz, level integer, level_points double precision,
               outcome_proficiency_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT r.*
      FROM outcomes.mastery_setting($1, 'Course', $2, $5, $6) s
     CROSS JOIN (SELECT array_agg(u.user_uuid) AS names, array_agg(u.held_from) AS held_from, array_agg(u.held_until) AS held_until
                   FROM outcomes_internal.student_uuids($1, $2, $3, $5, $6) u) u
     CROSS JOIN LATERAL outcomes_internal.student_rollup_with(
        $1, $2, $3, $4, $5, $6, s.outcome_proficiency_id, s.outcome_proficiency_ratings, s.outcome_calculation_method_id IS NOT NULL,
        s.calculation_method, s.calculation_int, u.names, u.held_from, u.held_until) r
$$;
COMMENT ON FUNCTION outcomes.student_rollup_of IS
    'The rollup of one student and outcome in one course; the same computation as rollup_of.';
