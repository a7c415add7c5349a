-- Planned once, because planning takes longer than a small course does; without parallel workers, for the same reason. Without nested
-- loops where there is a choice, because nobody can estimate how many versions a course has at a moment.
DO $make$
BEGIN
    EXECUTE format($sql$
CREATE OR REPLACE FUNCTION outcomes_internal.rollup_of(tenant text, course_id bigint, at timestamptz, known_at timestamptz, scale_at timestamptz)
RETURNS TABLE (user_uuid text, learning_outcome_id bigint, score numeric, mastery boolean, rating text, color text,
               calculation_method text, calculation_int integer, points_possible double precision, mastery_points double precision,
               results bigint, last_assessed_at timestamptz, level integer, level_points double precision,
               outcome_proficiency_id bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500
SET work_mem = '64MB' SET enable_nestloop = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS %L
    $sql$, outcomes_internal.text_of_rollup('rollups', 'all'));
END
$make$;
COMMENT ON FUNCTION outcomes_internal.rollup_of IS
    'The rollups of one course (null: of the results whose course is unknown); level is the place of the rating, 1 is the lowest, '
    '0 below all. Views and outcome_rollup_at stand on it.';
