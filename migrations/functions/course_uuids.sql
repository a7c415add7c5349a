-- Goes in the index from one uuid to the next: a course has a hundred times as many results as students.
CREATE OR REPLACE FUNCTION outcomes_internal.course_uuids(tenant text, course_id bigint, at timestamptz, known_at timestamptz) RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
    course CONSTANT bigint := course_id;
BEGIN
    IF at IS NULL AND known_at IS NULL THEN
        RETURN ARRAY(
            WITH RECURSIVE found (user_uuid) AS (
                SELECT min(r.user_uuid)
                  FROM outcomes.learning_outcome_result r
                 WHERE r.root_account_uuid = tenant AND r.result_context_id = course
                 UNION ALL
                SELECT (SELECT min(r.user_uuid)
                          FROM outcomes.learning_outcome_result r
                         WHERE r.root_account_uuid = tenant AND r.result_context_id = course AND r.user_uuid > found.user_uuid)
                  FROM found
                 WHERE found.user_uuid IS NOT NULL
            )
            SELECT found.user_uuid FROM found WHERE found.user_uuid IS NOT NULL);
    END IF;
    RETURN ARRAY(
        WITH RECURSIVE found (user_uuid) AS (
            SELECT min(r.user_uuid)
              FROM outcomes.learning_outcome_result_version r
             WHERE r.root_account_uuid = tenant AND r.result_context_id = course
             UNION ALL
            SELECT (SELECT min(r.user_uuid)
                      FROM outcomes.learning_outcome_result_version r
                     WHERE r.root_account_uuid = tenant AND r.result_context_id = course AND r.user_uuid > found.user_uuid)
              FROM found
             WHERE found.user_uuid IS NOT NULL
        )
        SELECT found.user_uuid FROM found WHERE found.user_uuid IS NOT NULL);
END
$$;
COMMENT ON FUNCTION outcomes_internal.course_uuids IS
    'The uuids that results of a course have now, or ever had where another moment is asked for.';
