CREATE OR REPLACE FUNCTION outcomes_internal.copy_column_comments(source regclass, target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held record;
BEGIN
    FOR held IN SELECT t.attname, col_description(source, s.attnum) AS meaning
                  FROM pg_attribute t
                  JOIN pg_attribute s ON s.attrelid = source AND s.attname = t.attname
                 WHERE t.attrelid = target AND t.attnum > 0 LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', target, held.attname, held.meaning);
    END LOOP;
END
$$;
COMMENT ON FUNCTION outcomes_internal.copy_column_comments IS
    'Says of the columns of a view what a table says of its columns of the same name.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.copy_column_comments FROM PUBLIC;
