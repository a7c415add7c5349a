-- Canvas' results have the context type Course only. Account ids overlap with course ids, so an id of another type is no course id.
CREATE OR REPLACE FUNCTION outcomes_internal.course_of(result_context_type text, result_context_id bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN coalesce(result_context_type, 'Course') = 'Course' THEN result_context_id END
$$;
COMMENT ON FUNCTION outcomes_internal.course_of IS
    'The course of a result: result_context_id where that is one; null where it is unknown.';
