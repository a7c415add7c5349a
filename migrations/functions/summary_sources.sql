-- Rather too much than too little. Persons: whoever was ever enrolled, or has a uuid of a result; all uuids of these, all users of these
-- uuids, and those into whom any of them was merged. A user's enrolments elsewhere matter where they tell that the user is there again, or
-- when a uuid was whose.
CREATE OR REPLACE FUNCTION outcomes_internal.summary_sources(tenant text, course_id bigint) RETURNS TABLE (kind text, id bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    course CONSTANT bigint := course_id;
BEGIN
    RETURN QUERY
    WITH RECURSIVE result AS MATERIALIZED (
        SELECT r.learning_outcome_id, r.user_uuid, CASE WHEN r.artifact_type = 'RubricAssessment' THEN r.artifact_id END AS assessment_id,
               CASE WHEN r.associated_asset_type = 'Assignment' THEN r.associated_asset_id END AS assignment_id
          FROM outcomes.learning_outcome_result r
         WHERE r.root_account_uuid = tenant AND r.result_context_id = course
    ),
    housed AS MATERIALIZED (
        SELECT DISTINCT s.id FROM outcomes.course_section_version s WHERE s.root_account_uuid = tenant AND s.course_id = course
    ),
    told AS MATERIALIZED (
        SELECT e.id FROM outcomes.enrollment_version e WHERE e.root_account_uuid = tenant AND e.course_id = course
         UNION
        SELECT e.id
          FROM outcomes.enrollment_version e
         WHERE e.root_account_uuid = tenant AND e.course_section_id = ANY (ARRAY(SELECT housed.id FROM housed))
    ),
    enrollment AS MATERIALIZED (
        SELECT DISTINCT e.id, e.user_id, e.course_section_id
          FROM outcomes.enrollment_version e
         WHERE e.root_account_uuid = tenant AND e.id = ANY (ARRAY(SELECT told.id FROM told))
    ),
    person (user_id, user_uuid) AS (
        SELECT e.user_id, NULL::text COLLATE "C" FROM enrollment e WHERE e.user_id IS NOT NULL
         UNION
        SELECT CASE WHEN r.user_uuid ~ '^id:[1-9][0-9]{0,17}$' THEN substr(r.user_uuid, 4)::bigint END, r.user_uuid
          FROM result r
         WHERE r.user_uuid IS NOT NULL
         UNION
        SELECT next.user_id, next.user_uuid
          FROM person p
         CROSS JOIN LATERAL (
                SELECT i.user_id, NULL::text COLLATE "C"
                  FROM outcomes.user_identity i
                 WHERE i.root_account_uuid = tenant AND i.user_uuid = p.user_uuid
                 UNION ALL
                SELECT NULL, i.user_uuid FROM outcomes.user_identity i WHERE i.root_account_uuid = tenant AND i.user_id = p.user_id
                 UNION ALL
                SELECT m.merged_into_user_id, NULL
                  FROM outcomes.user_merge_version m
                 WHERE m.root_account_uuid = tenant AND m.id = p.user_id AND m.merged_into_user_id IS NOT NULL) next (user_id, user_uuid)
    ),
    known AS MATERIALIZED (
        SELECT DISTINCT p.user_id AS id FROM person p WHERE p.user_id IS NOT NULL
    )
    SELECT 'outcome', r.learning_outcome_id FROM result r
     UNION
    SELECT 'assessment', r.assessment_id FROM result r WHERE r.assessment_id IS NOT NULL
     UNION
    SELECT 'assignment', r.assignment_id FROM result r WHERE r.assignment_id IS NOT NULL
     UNION
    SELECT 'link', l.id
      FROM outcomes.learning_outcome_link_version l
     WHERE l.root_account_uuid = tenant AND l.context_type = 'Course' AND l.context_id = course
     UNION
    SELECT 'section', housed.id FROM housed
     UNION
    SELECT 'section', e.course_section_id FROM enrollment e WHERE e.course_section_id IS NOT NULL
     UNION
    SELECT 'enrollment', told.id FROM told
     UNION
    SELECT 'user', known.id FROM known
     UNION
    SELECT 'uuid', hashtextextended(p.user_uuid, 0) FROM person p WHERE p.user_uuid IS NOT NULL
     UNION
    SELECT 'enrolled', known.id
      FROM known
     WHERE EXISTS (SELECT FROM outcomes.user_merge_version m WHERE m.root_account_uuid = tenant AND m.id = known.id)
        OR EXISTS (SELECT FROM outcomes.canvas_user_version u
                    WHERE u.root_account_uuid = tenant AND u.id = known.id AND u.workflow_state = 'deleted')
        OR EXISTS (SELECT
                     FROM outcomes.user_identity i
                     JOIN outcomes.user_identity o ON o.root_account_uuid = tenant AND o.user_uuid = i.user_uuid
                    WHERE i.root_account_uuid = tenant AND i.user_id = known.id
                   HAVING count(*) > 1);
END
$$;
COMMENT ON FUNCTION outcomes_internal.summary_sources IS 'What the summary of a course depends on now, for summary_source.';
