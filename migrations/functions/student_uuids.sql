CREATE OR REPLACE FUNCTION outcomes_internal.student_uuids(
    tenant text, course_id bigint, student text, at timestamptz, known_at timestamptz)
RETURNS TABLE (user_uuid text, held_from timestamptz, held_until timestamptz, shown boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.user_uuid, p.held_from, p.held_until, true
      FROM outcomes_internal.result_person(
           tenant, course_id, ARRAY(SELECT u.user_uuid FROM outcomes_internal.uuids_of_same(tenant, ARRAY[student]) u), at, known_at) p
     WHERE p.counts_as = student;
    IF NOT FOUND THEN
        RETURN QUERY SELECT student, '-infinity'::timestamptz, 'infinity'::timestamptz, false;
    END IF;
END
$$;
COMMENT ON FUNCTION outcomes_internal.student_uuids IS
    'Which results are the student''s in a course at a moment: those with user_uuid that were made in [held_from, held_until). shown: '
    'whether the student has a row there. One who has none is still found when asked for, by this uuid alone.';
