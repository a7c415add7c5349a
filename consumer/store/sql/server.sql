-- What the server is set to as far as the projection depends on it, and what this login may do there. Reads no table of ours.
SELECT clock_timestamp() AS now,
       current_setting('server_version') AS version,
       array(SELECT name || ' = ' || current_setting(name)
               FROM unnest(ARRAY['fsync', 'full_page_writes', 'autovacuum', 'track_counts']) name
              WHERE current_setting(name) = 'off') AS switched_off,
       pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS read_only,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::integer AS sessions,
       current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer AS most_sessions,
       pg_database_size(current_database()) AS bytes,
       quote_ident(current_user) AS login,
       array(SELECT role FROM unnest($1::text[]) role WHERE to_regrole(role) IS NULL) AS missing_roles,
       coalesce(pg_has_role(current_user, to_regrole('outcomes_writer'), 'USAGE'), false) AS writes,
       has_database_privilege(current_database(), 'TEMPORARY') AS stages,
       quote_ident(current_database()) AS database
