CREATE OR REPLACE FUNCTION outcomes_internal.new_version_partition(parent regclass, name text, meaning text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TABLE outcomes.%I (LIKE %s INCLUDING ALL EXCLUDING INDEXES)', name, parent);
    EXECUTE format('COMMENT ON TABLE outcomes.%I IS %L', name, meaning);
    EXECUTE format('GRANT SELECT ON outcomes.%I TO outcomes_writer, outcomes_reader', name);
    PERFORM outcomes_internal.tune_version_partition(format('outcomes.%I', name)::regclass);
END
$$;
COMMENT ON FUNCTION outcomes_internal.new_version_partition IS
    'A table that can become a partition of a version table: its columns, rights and settings, without its indexes.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.new_version_partition FROM PUBLIC;
