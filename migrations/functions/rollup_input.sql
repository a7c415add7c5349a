DO $make$
BEGIN
    EXECUTE format($sql$
CREATE OR REPLACE FUNCTION outcomes.rollup_input(
    tenant text, course_id bigint, user_uuid text, outcome_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (id bigint, score double precision, possible double precision, percent double precision, assessed_at timestamptz,
               worked_at timestamptz, quiz_id bigint, merged_percent double precision, value double precision)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS %L
    $sql$, outcomes_internal.text_of_rollup('inputs', 'one'));
END
$make$;
COMMENT ON FUNCTION outcomes.rollup_input IS
    'The results that go into a rollup, in time order: worked_at orders them, merged_percent is what their quiz came to as a '
    'whole, value is what is counted.';
