-- A step that gives a versioned table another column adds it to <name> and <name>_version, then calls this.
CREATE OR REPLACE FUNCTION outcomes_internal.create_version_readers(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    version regclass := format('outcomes.%I', name || '_version');
    row_of_table text; -- every column of the table
    members text; -- what a version says, without the columns that the history shows in another way
    stated text; -- what makes two versions say the same
BEGIN
    SELECT string_agg(format('v.%I', attname), ', ' ORDER BY attnum),
           string_agg(format('v.%I', attname), ', ' ORDER BY attnum) FILTER (WHERE attname NOT IN ('root_account_uuid', 'id')),
           string_agg(format('v.%I', attname), ', ' ORDER BY attnum)
               FILTER (WHERE attname NOT IN ('root_account_uuid', 'id', 'updated_at', 'event_name', 'event_time', 'version_hash'))
      INTO row_of_table, members, stated
      FROM pg_attribute
     WHERE attrelid = format('outcomes.%I', name)::regclass AND attnum > 0 AND NOT attisdropped;

    EXECUTE format($sql$
        DROP VIEW IF EXISTS outcomes.%1$I;
        CREATE VIEW outcomes.%1$I AS
        SELECT v.root_account_uuid, v.id, v.event_time AS valid_from,
               lead(v.event_time) OVER (
                   PARTITION BY v.root_account_uuid, v.id
                   ORDER BY v.event_time, v.event_name, coalesce(v.updated_at, '-infinity'), v.version_hash) AS valid_to,
               %3$s, v.recorded_at, v.source, v.partition, v.position
          FROM (SELECT v.*,
                       ROW(true, %4$s) IS NOT DISTINCT FROM lag(ROW(true, %4$s)) OVER (
                           PARTITION BY v.root_account_uuid, v.id
                           ORDER BY v.event_time, v.event_name, coalesce(v.updated_at, '-infinity'), v.version_hash)
                       AS says_nothing_new
                  FROM %2$s v) v
         WHERE NOT v.says_nothing_new;
        COMMENT ON VIEW outcomes.%1$I IS %5$L;
        COMMENT ON COLUMN outcomes.%1$I.valid_from IS 'Start of the period: event_time of the version.';
        COMMENT ON COLUMN outcomes.%1$I.valid_to IS
            'End of the period: event_time of the next version that says something else; null for the newest.';
        SELECT outcomes_internal.copy_column_comments(%2$L, 'outcomes.%1$I');
        GRANT SELECT ON outcomes.%1$I TO outcomes_writer, outcomes_reader;
    $sql$, name || '_history', version, members, stated,
        format('The states of each row of %s as periods [valid_from, valid_to). Neighbours that say the same are one.', name));

    EXECUTE format($sql$
        DROP FUNCTION IF EXISTS outcomes.%1$I;
        CREATE FUNCTION outcomes.%1$I(tenant text, id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
        RETURNS SETOF outcomes.%2$I LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $at$
            (SELECT %4$s
               FROM %3$s v
              WHERE v.root_account_uuid = $1 AND v.id = $2 AND v.event_time <= coalesce($3, 'infinity')
                AND v.recorded_at <= coalesce($4, 'infinity')
              ORDER BY v.event_time DESC, v.event_name DESC, v.updated_at DESC NULLS LAST, v.version_hash DESC
              LIMIT 1)
             UNION ALL -- only where nothing was found: an error for a tenant that nothing is known of
            SELECT %4$s
               FROM outcomes.%2$I v
              WHERE v.root_account_uuid = coalesce($1, '') AND v.id = coalesce($2, 0) AND NOT outcomes_internal.known_tenant($1)
              LIMIT 1
        $at$;
        COMMENT ON FUNCTION outcomes.%1$I IS %5$L;
    $sql$, name || '_at', name, version, row_of_table,
        format('The row of %s as it was at a moment; at null is now, known_at null is all that is known.', name));
END
$$;
COMMENT ON FUNCTION outcomes_internal.create_version_readers IS
    'Makes <name>_history and <name>_at of a versioned table, and makes them again where its columns have changed.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.create_version_readers FROM PUBLIC;

-- Tables that there are already get readers of this text.
DO $make$
BEGIN
    PERFORM outcomes_internal.create_version_readers(left(c.relname, -length('_version')))
       FROM pg_class c
      WHERE c.relnamespace = 'outcomes'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname LIKE '%\_version'
        AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'metadata');
END
$make$;
