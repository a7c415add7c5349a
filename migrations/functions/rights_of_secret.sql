CREATE OR REPLACE FUNCTION outcomes_internal.rights_of_secret(digest bytea)
RETURNS TABLE (root_account_uuid text, kind text, who text, scope text, scope_id bigint, course_id bigint, names boolean, operations boolean)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 3 SET search_path = pg_catalog, pg_temp AS $$
    WITH session AS (
        SELECT s.* FROM outcomes.access_session s WHERE s.digest = $1 AND s.ended_at IS NULL AND s.expires_at > now()
    )
    SELECT t.root_account_uuid, 'token', t.id::text, granted.*
      FROM outcomes.api_token t
     CROSS JOIN LATERAL outcomes_internal.access_rights(t.root_account_uuid, 'token', t.id::text) granted
     WHERE (t.digest = $1 OR t.id = (SELECT session.token_id FROM session)) AND t.revoked_at IS NULL
     UNION ALL
    SELECT s.root_account_uuid, CASE WHEN s.login IS NOT NULL THEN 'login' WHEN s.sis_user_id IS NOT NULL THEN 'sis' ELSE 'uuid' END,
           coalesce(s.login, s.sis_user_id, s.user_uuid), granted.*
      FROM session s
     CROSS JOIN LATERAL outcomes_internal.person_rights(s.root_account_uuid, s.login, s.sis_user_id, s.user_uuid) granted
     WHERE s.token_id IS NULL
$$;
COMMENT ON FUNCTION outcomes_internal.rights_of_secret IS
    'Whom a token or a session belongs to, and what that one may see now, by its SHA-256; no row where it opens nothing. Readers see '
    'neither tokens nor sessions, only this.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.rights_of_secret FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes_internal.rights_of_secret TO outcomes_reader, outcomes_serve;
