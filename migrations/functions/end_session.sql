CREATE OR REPLACE FUNCTION outcomes_internal.end_session(digest bytea) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    UPDATE outcomes.access_session s SET ended_at = now() WHERE s.digest = end_session.digest AND s.ended_at IS NULL
$$;
COMMENT ON FUNCTION outcomes_internal.end_session IS 'Ends the session of a browser, by its SHA-256.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.end_session FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes_internal.end_session TO outcomes_serve;
