-- Goes in the index from one course to the next: there are thousands of results in each.
CREATE OR REPLACE FUNCTION outcomes_internal.courses_with_results(tenant text, ever boolean) RETURNS TABLE (course_id bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000 SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
BEGIN
    IF NOT ever THEN
        RETURN QUERY
        WITH RECURSIVE found (id) AS (
            SELECT min(r.result_context_id) FROM outcomes.learning_outcome_result r WHERE r.root_account_uuid = tenant
             UNION ALL
            SELECT (SELECT min(r.result_context_id) FROM outcomes.learning_outcome_result r
                     WHERE r.root_account_uuid = tenant AND r.result_context_id > found.id)
              FROM found
             WHERE found.id IS NOT NULL
        )
        SELECT found.id FROM found WHERE found.id IS NOT NULL;
        RETURN;
    END IF;
    RETURN QUERY
    WITH RECURSIVE found (id) AS (
        SELECT min(r.result_context_id) FROM outcomes.learning_outcome_result_version r WHERE r.root_account_uuid = tenant
         UNION ALL
        SELECT (SELECT min(r.result_context_id) FROM outcomes.learning_outcome_result_version r
                 WHERE r.root_account_uuid = tenant AND r.result_context_id > found.id)
          FROM found
         WHERE found.id IS NOT NULL
    )
    SELECT found.id FROM found WHERE found.id IS NOT NULL;
END
$$;
COMMENT ON FUNCTION outcomes_internal.courses_with_results IS 'The courses that results of a tenant are of now, or ever were of.';
