-- The login of `outcomes postgres`. It has the rights of outcomes_reader, and its transactions are read-only by default. If a session
-- switches that off, it still has no right to write: no temporary table, no large object.
DO $viewer$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('outcomes.viewer', 0)); -- two sessions cannot change one role at once
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'outcomes_viewer') THEN
        CREATE ROLE outcomes_viewer;
    END IF;
    EXECUTE format('ALTER ROLE outcomes_viewer WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %L',
                   current_setting('outcomes.viewer_password'));
    ALTER ROLE outcomes_viewer SET default_transaction_read_only = on;
    ALTER ROLE outcomes_viewer SET search_path = outcomes;
    ALTER ROLE outcomes_viewer SET idle_in_transaction_session_timeout = '10min'; -- an open transaction stops vacuum
    GRANT outcomes_reader TO outcomes_viewer;
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    REVOKE EXECUTE ON FUNCTION pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid), pg_catalog.lo_from_bytea(oid, bytea) FROM PUBLIC;
END
$viewer$
