-- Two calls exclude each other by a lock on the version table: any login could hold an advisory lock for ever.
CREATE OR REPLACE FUNCTION outcomes.make_version_partitions(years integer[]) RETURNS integer[]
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET lock_timeout = '500ms' AS $$
DECLARE
    parents text[] := (SELECT array_agg(relname ORDER BY relname COLLATE "C") FROM pg_class
                        WHERE relnamespace = 'outcomes'::regnamespace AND relkind = 'p' AND relname LIKE '%\_version');
    settled integer[] := '{}';
    asked integer;
    parent text;
BEGIN
    FOR asked IN SELECT DISTINCT y FROM unnest(years) y WHERE y IS NOT NULL ORDER BY y LOOP
        BEGIN
            FOREACH parent IN ARRAY parents LOOP
                CONTINUE WHEN asked NOT BETWEEN 2010 AND extract(year FROM now()) + 1
                           OR outcomes_internal.has_version_partition(parent, asked);
                EXECUTE format('LOCK TABLE ONLY outcomes.%I IN SHARE UPDATE EXCLUSIVE MODE', parent);
                CONTINUE WHEN outcomes_internal.has_version_partition(parent, asked); -- another call has just made it
                PERFORM outcomes_internal.new_version_partition(format('outcomes.%I', parent)::regclass, format('%s_y%s', parent, asked),
                                                       format('Versions of the year %s (UTC).', asked));
                PERFORM outcomes_internal.copy_version_indexes(format('outcomes.%I', parent)::regclass,
                                                      format('outcomes.%I', format('%s_y%s', parent, asked))::regclass);
                EXECUTE format('LOCK TABLE outcomes.%I IN ACCESS EXCLUSIVE MODE', parent || '_default');
                EXECUTE format(
                    'WITH moved AS (DELETE FROM outcomes.%1$I WHERE event_time >= %3$L AND event_time < %4$L RETURNING *) '
                    'INSERT INTO outcomes.%2$I SELECT * FROM moved',
                    parent || '_default', format('%s_y%s', parent, asked), make_timestamptz(asked, 1, 1, 0, 0, 0),
                    make_timestamptz(asked + 1, 1, 1, 0, 0, 0));
                EXECUTE format('ALTER TABLE outcomes.%I ATTACH PARTITION outcomes.%I FOR VALUES FROM (%L) TO (%L)',
                    parent, format('%s_y%s', parent, asked), make_timestamptz(asked, 1, 1, 0, 0, 0),
                    make_timestamptz(asked + 1, 1, 1, 0, 0, 0));
            END LOOP;
            settled := settled || asked;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            NULL; -- somebody's transaction keeps the table: the caller asks again later
        END;
    END LOOP;
    RETURN settled;
END
$$;
COMMENT ON FUNCTION outcomes.make_version_partitions IS
    'Makes the partitions of these years for the partitioned version tables, where they are missing, and moves their rows there '
    'from the default partition. Returns the years that need no further asking; the others could not have their locks within half '
    'a second, so ask again later. Years before 2010 and after the next one stay in the default partition. To be called outside of'
    ' a transaction.';
REVOKE EXECUTE ON FUNCTION outcomes.make_version_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes.make_version_partitions TO outcomes_writer;
