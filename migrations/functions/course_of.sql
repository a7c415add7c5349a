-- The course of a result. Only Course occurs in Canvas' model; account ids overlap with course ids, so another type is no course.
CREATE OR REPLACE FUNCTION outcomes_internal.course_of(result_context_type text, result_context_id bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN coalesce(result_context_type, 'Course') = 'Course' THEN result_context_id END
$$;
COMMENT ON FUNCTION outcomes_internal.course_of IS
    'The course of a result: result_context_id where that is one; null where it is unknown.';
