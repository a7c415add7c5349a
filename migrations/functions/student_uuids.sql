CREATE OR REPLACE FUNCTION outcomes_internal.student_uuids(
    tenant text, course_id bigint, student text, at timestamptz, known_at timestamptz)
RETURNS TABLE (user_uuid text, held_from timestamptz, held_until timestamptz, shown boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    until CONSTANT timestamptz := coalesce(at, 'infinity');
BEGIN
    RETURN QUERY
    WITH person AS MATERIALIZED (
        SELECT p.*
          FROM outcomes_internal.result_person(
               tenant, course_id, ARRAY(SELECT u.user_uuid FROM outcomes_internal.uuids_of_same(tenant, ARRAY[student]) u), at, known_at) p
    ),
    owner AS MATERIALIZED (
        SELECT p.user_id
          FROM person p
         WHERE p.user_uuid = student AND p.held_from <= until AND (p.held_until = 'infinity' OR p.held_until > until)
    )
    SELECT p.user_uuid, p.held_from, p.held_until, p.counts_as IS NOT NULL
      FROM person p
     WHERE CASE WHEN EXISTS (SELECT FROM person q WHERE q.counts_as = student) THEN p.counts_as = student
                ELSE p.user_id = (SELECT owner.user_id FROM owner) END;
    IF NOT FOUND THEN
        RETURN QUERY SELECT student, '-infinity'::timestamptz, 'infinity'::timestamptz, false;
    END IF;
END
$$;
COMMENT ON FUNCTION outcomes_internal.student_uuids IS
    'Which results are the student''s in a course at a moment: those with user_uuid that were made in [held_from, held_until). shown: '
    'whether the student has a row there. One who has left is still found when asked for, by any uuid or by id: and the user id.';
