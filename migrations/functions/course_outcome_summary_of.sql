DO $make$
BEGIN
    EXECUTE format($sql$
CREATE OR REPLACE FUNCTION outcomes.course_outcome_summary_of(
    tenant text, course_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL, scale_at timestamptz DEFAULT NULL,
    user_uuids text[] DEFAULT NULL)
RETURNS TABLE (learning_outcome_id bigint, mean numeric, median numeric, students bigint, assessed bigint, mastered bigint,
               levels jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET work_mem = '64MB' SET enable_nestloop = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS %L
    $sql$, outcomes_internal.text_of_rollup('summaries', 'all'));
END
$make$;
COMMENT ON FUNCTION outcomes.course_outcome_summary_of IS
    'course_outcome_summary of one course at a moment; at null is now. scale_at: by the scale and method of another moment. user_uuids: '
    'over these alone.';
