CREATE OR REPLACE FUNCTION outcomes.student_rollup_of(
    tenant text, course bigint, student text, outcome bigint, at timestamptz, known_at timestamptz)
RETURNS TABLE (user_uuid text, learning_outcome_id bigint, score numeric, mastery boolean, rating text, color text,
               calculation_method text, calculation_int integer, points_possible double precision, mastery_points double precision,
               results bigint, last_assessed_at timestamptz, level integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1 AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT r.*
      FROM outcomes.mastery_setting(tenant, 'Course', course, at, known_at) s
     CROSS JOIN LATERAL outcomes_internal.student_rollup_with(
        tenant, course, student, outcome, at, known_at, s.outcome_proficiency_ratings, s.outcome_calculation_method_id IS NOT NULL,
        s.calculation_method, s.calculation_int) r;
END
$$;
COMMENT ON FUNCTION outcomes.student_rollup_of IS
    'The rollup of one student and outcome in one course; the same computation as rollup_of.';
