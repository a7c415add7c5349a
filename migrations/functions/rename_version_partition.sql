CREATE OR REPLACE FUNCTION outcomes_internal.rename_version_partition(name text, new_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held record;
BEGIN
    FOR held IN SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                 WHERE i.indrelid = format('outcomes.%I', name)::regclass LOOP
        EXECUTE format('ALTER INDEX outcomes.%I RENAME TO %I', held.relname, outcomes_internal.version_index_name(held.relname, name, new_name));
    END LOOP;
    EXECUTE format('ALTER TABLE outcomes.%I RENAME TO %I', name, new_name);
END
$$;
COMMENT ON FUNCTION outcomes_internal.rename_version_partition IS
    'Gives a version table, or a partition of one, another name, and its indexes with it.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.rename_version_partition FROM PUBLIC;
