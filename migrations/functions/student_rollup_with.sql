DO $make$
BEGIN
    EXECUTE format($sql$
CREATE OR REPLACE FUNCTION outcomes_internal.student_rollup_with(
    tenant text, course_id bigint, student text, outcome_id bigint, at timestamptz, known_at timestamptz,
    scale_id bigint, scale_ratings jsonb, method_found boolean, found_method text, found_int integer,
    names text[], held_from timestamptz[], held_until timestamptz[])
RETURNS TABLE (user_uuid text, learning_outcome_id bigint, score numeric, mastery boolean, rating text, color text,
               calculation_method text, calculation_int integer, points_possible double precision, mastery_points double precision,
               results bigint, last_assessed_at timestamptz, level integer, level_points double precision,
               outcome_proficiency_id bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS %L
    $sql$, outcomes_internal.text_of_rollup('rollups', 'one', given => true));
END
$make$;
COMMENT ON FUNCTION outcomes_internal.student_rollup_with IS
    'student_rollup_of with what mastery_setting has found for the course at that moment; for those who ask at many moments.';
