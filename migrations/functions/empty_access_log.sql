CREATE OR REPLACE FUNCTION outcomes_internal.empty_access_log(kept_days integer) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM outcomes.access_log l WHERE l.at < now() - make_interval(days => greatest(kept_days, 1));
    DELETE FROM outcomes.access_session s WHERE s.expires_at < now() - make_interval(days => 1);
$$;
COMMENT ON FUNCTION outcomes_internal.empty_access_log IS
    'Deletes what the log has of more than so many days ago, and sessions that are over since a day. Who serves can delete nothing newer.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.empty_access_log FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes_internal.empty_access_log TO outcomes_serve;
