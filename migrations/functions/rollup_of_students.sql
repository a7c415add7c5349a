DO $make$
BEGIN
    EXECUTE format($sql$
CREATE OR REPLACE FUNCTION outcomes_internal.rollup_of_students(
    tenant text, course_id bigint, students text[], at timestamptz, known_at timestamptz)
RETURNS TABLE (user_uuid text, learning_outcome_id bigint, score numeric, mastery boolean, rating text, color text,
               calculation_method text, calculation_int integer, points_possible double precision, mastery_points double precision,
               results bigint, last_assessed_at timestamptz, level integer, level_points double precision,
               outcome_proficiency_id bigint, last_worked_at timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500
SET work_mem = '64MB' SET enable_nestloop = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS %L
    $sql$, outcomes_internal.text_of_rollup('rollups', 'some'));
END
$make$;
COMMENT ON FUNCTION outcomes_internal.rollup_of_students IS
    'rollup_of for these students of the course alone, with when the newest work was submitted.';
