-- Courses of one account have its scale and method, unless one has ever had its own: so there are as many questions as accounts.
CREATE OR REPLACE FUNCTION outcomes_internal.course_settings(tenant text, course_ids bigint[])
RETURNS TABLE (course_id bigint, setting bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH placed AS MATERIALIZED (
        SELECT given.id AS course_id,
               EXISTS (SELECT FROM outcomes.outcome_proficiency_version v
                        WHERE v.root_account_uuid = tenant AND v.context_type = 'Course' AND v.context_id = given.id)
               OR EXISTS (SELECT FROM outcomes.outcome_calculation_method_version v
                           WHERE v.root_account_uuid = tenant AND v.context_type = 'Course' AND v.context_id = given.id) AS has_own,
               outcomes_internal.account_of_course(tenant, given.id) AS account_id
          FROM unnest(course_ids) given (id)
    ),
    context AS MATERIALIZED (
        SELECT c.*, (SELECT hashtextextended(ROW(s.outcome_proficiency_ratings, s.outcome_calculation_method_id IS NOT NULL,
                                                 s.calculation_method, s.calculation_int)::text, 0)
                       FROM outcomes.mastery_setting(tenant, c.context_type, c.context_id) s) AS setting
          FROM (SELECT DISTINCT CASE WHEN p.has_own THEN 'Course' ELSE 'Account' END AS context_type,
                       CASE WHEN p.has_own THEN p.course_id ELSE p.account_id END AS context_id
                  FROM placed p) c
    )
    SELECT p.course_id, c.setting
      FROM placed p
      JOIN context c ON c.context_type = CASE WHEN p.has_own THEN 'Course' ELSE 'Account' END
                    AND c.context_id IS NOT DISTINCT FROM CASE WHEN p.has_own THEN p.course_id ELSE p.account_id END;
END
$$;
COMMENT ON FUNCTION outcomes_internal.course_settings IS
    'A hash of the scale and method that mastery_setting finds now for each of these courses.';
