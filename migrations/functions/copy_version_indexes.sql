CREATE OR REPLACE FUNCTION outcomes_internal.copy_version_indexes(model regclass, target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    model_name text := (SELECT relname FROM pg_class WHERE oid = model);
    target_name text := (SELECT relname FROM pg_class WHERE oid = target);
    held record;
BEGIN
    FOR held IN
        SELECT outcomes_internal.version_index_name(c.relname, model_name, target_name) AS name, i.indisunique, k.oid AS key,
               substring(pg_get_indexdef(i.indexrelid) FROM ' (USING .*)$') AS definition
          FROM pg_index i
          JOIN pg_class c ON c.oid = i.indexrelid
          LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = model AND k.contype IN ('p', 'u')
         WHERE i.indrelid = model AND i.indisvalid
         ORDER BY k.oid IS NULL, c.relname
    LOOP
        IF held.key IS NOT NULL THEN
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', target, held.name, pg_get_constraintdef(held.key));
        ELSE
            EXECUTE format('CREATE %s INDEX %I ON %s %s', CASE WHEN held.indisunique THEN 'UNIQUE' END, held.name, target, held.definition);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION outcomes_internal.copy_version_indexes IS
    'Gives a table the primary key and the indexes of another one, named after it. For partitions: what is there already when one '
    'is attached need not be built then.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.copy_version_indexes FROM PUBLIC;
