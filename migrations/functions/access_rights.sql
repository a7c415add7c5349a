-- Sections are in the course where they are now: cross-listing moves them.
CREATE OR REPLACE FUNCTION outcomes_internal.access_rights(tenant text, kind text, who text)
RETURNS TABLE (scope text, scope_id bigint, course_id bigint, names boolean, operations boolean)
LANGUAGE sql STABLE ROWS 3 SET search_path = pg_catalog, pg_temp AS $$
    SELECT g.scope, g.scope_id, CASE g.scope WHEN 'course' THEN g.scope_id WHEN 'section' THEN s.course_id END, g.names, g.operations
      FROM outcomes.access_grant g
      LEFT JOIN outcomes.course_section s
        ON g.scope = 'section' AND s.root_account_uuid = $1 AND s.id = g.scope_id AND s.workflow_state IS DISTINCT FROM 'deleted'
     WHERE g.root_account_uuid = $1 AND g.kind = $2 AND g.who = $3 AND g.revoked_at IS NULL
$$;
COMMENT ON FUNCTION outcomes_internal.access_rights IS
    'What was granted to somebody and is not revoked. course_id: of a section, the course that it is in now; null where it is gone.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.access_rights FROM PUBLIC;
