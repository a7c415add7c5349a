CREATE OR REPLACE FUNCTION outcomes_internal.stale_courses(tenant text) RETURNS TABLE (course_id bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
    computed_with record;
    settings_in_doubt boolean;
BEGIN
    SELECT t.* INTO computed_with FROM outcomes_internal.summary_tenant t WHERE t.root_account_uuid = tenant;
    IF computed_with.code IS DISTINCT FROM outcomes_internal.summary_code()
       OR EXISTS (SELECT FROM outcomes_internal.summary_mark m WHERE m.root_account_uuid = tenant AND m.kind = 'all') THEN
        RETURN QUERY
        SELECT c.course_id FROM outcomes_internal.summary_course c WHERE c.root_account_uuid = tenant
         UNION
        SELECT c.course_id FROM outcomes_internal.courses_with_results(tenant, ever => false) c;
        RETURN;
    END IF;
    settings_in_doubt := computed_with.root_hint IS DISTINCT FROM outcomes_internal.root_hint(tenant)
        OR EXISTS (SELECT FROM outcomes_internal.summary_mark m WHERE m.root_account_uuid = tenant AND m.kind = 'setting');
    RETURN QUERY
    WITH mark AS MATERIALIZED (
        SELECT DISTINCT m.kind, marked.id
          FROM outcomes_internal.summary_mark m
         CROSS JOIN LATERAL unnest(m.ids) marked (id)
         WHERE m.root_account_uuid = tenant
    )
    SELECT c.course_id FROM outcomes_internal.summary_course c WHERE c.root_account_uuid = tenant AND NOT c.computed
     UNION
    SELECT mark.id FROM mark WHERE mark.kind = 'course'
     UNION
    SELECT s.course_id
      FROM mark
      JOIN outcomes_internal.summary_source s ON s.root_account_uuid = tenant AND s.kind = mark.kind AND s.id = mark.id
     UNION
    SELECT asked.course_id
      FROM (SELECT array_agg(c.course_id) AS course_ids
              FROM outcomes_internal.summary_course c
             WHERE c.root_account_uuid = tenant AND c.computed AND (c.hinted OR settings_in_doubt)) doubted
     CROSS JOIN LATERAL outcomes_internal.course_settings(tenant, doubted.course_ids) asked
      JOIN outcomes_internal.summary_course c ON c.root_account_uuid = tenant AND c.course_id = asked.course_id
     WHERE c.setting IS DISTINCT FROM asked.setting;
END
$$;
COMMENT ON FUNCTION outcomes_internal.stale_courses IS
    'The courses of which nothing that is kept may be used: a mark says so, their setting is another one now, or they wait. Perhaps also '
    'such as have no results.';
