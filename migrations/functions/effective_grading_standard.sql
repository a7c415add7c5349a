CREATE OR REPLACE FUNCTION outcomes.effective_grading_standard(
    tenant text, assignment_id bigint, course_id bigint, account_id bigint, at timestamptz DEFAULT NULL)
RETURNS TABLE (grading_standard_id bigint, title text, grading_scheme jsonb, points_based boolean, scaling_factor numeric,
               context_type text, context_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT found.grading_standard_id, found.title, found.grading_scheme, found.points_based, found.scaling_factor,
           found.context_type, found.context_id
      FROM (SELECT level.distance, used.grading_standard_id, standard.title, standard.grading_scheme, standard.points_based,
                   standard.scaling_factor, standard.context_type, standard.context_id
              FROM (VALUES (1, 'Assignment', assignment_id), (2, 'Course', course_id), (3, 'Account', account_id))
                   AS level (distance, context_type, context_id)
             CROSS JOIN LATERAL (
                   SELECT said.grading_standard_id
                     FROM outcomes.grading_standard_use AS said
                    WHERE said.root_account_uuid = tenant
                      AND said.context_type = level.context_type AND said.context_id = level.context_id
                      AND said.valid_from <= coalesce(at, now())
                    ORDER BY said.valid_from DESC, said.recorded_at DESC
                    LIMIT 1) AS used
             CROSS JOIN LATERAL (
                   SELECT state.*
                     FROM outcomes.grading_standard_version AS state
                    WHERE state.root_account_uuid = tenant
                      AND state.id = used.grading_standard_id AND state.valid_from <= coalesce(at, now())
                    ORDER BY state.valid_from DESC, state.imported_at DESC
                    LIMIT 1) AS standard
             WHERE standard.workflow_state <> 'deleted'
            UNION ALL
            SELECT 4, NULL, 'Default Grading Scheme', outcomes.default_grading_scheme(), false, 1, NULL, NULL) AS found
     WHERE tenant IS NULL OR (SELECT outcomes_internal.known_tenant(tenant))
     ORDER BY found.distance
     LIMIT 1;
END;
COMMENT ON FUNCTION outcomes.effective_grading_standard IS
    'The grading standard that counts, as it was at a time (null: now): the assignment''s, else the course''s, else the account''s'
    ' default, else the built-in one (id and owner null), which is nobody''s: for it alone tenant may be null. Each id may be null.'
    ' Deleted standards, and those not known at that '
    'time, are skipped.';
