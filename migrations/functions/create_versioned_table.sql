-- All that a kind of object needs: <name>, <name>_version, and what reads them. Released steps call this, so what it makes for them must
-- stay the same: what a new table needs and the old ones lack is a new argument with a default.
--
-- `columns` is a column a line, beginning with id: name, type, and after -- its meaning, which may go on in lines of its own.
-- `indexes` is an index of the version table a line: the end of its name, then what CREATE INDEX says after the table.
-- `by_year`: the version table grows with the students, so it is in partitions. `private`: its rows are about a person.
CREATE OR REPLACE FUNCTION outcomes_internal.create_versioned_table(
    name text, meaning text, columns text, indexes text DEFAULT '', by_year boolean DEFAULT false, private boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    version text := name || '_version';
    meanings jsonb := jsonb_build_object(
        'root_account_uuid', 'Tenant: metadata.root_account_uuid of the event, or the configured default.',
        'updated_at', 'Canvas'' updated_at, whole seconds; only _updated events have it (courses always). Does not move with a scale''s ratings.',
        'workflow_state', 'Canvas'' state word, as it came; active where the event has none (published examples, streams of 2019).',
        'extra', CASE WHEN private THEN 'Always null: members that this version does not know are in unknown_value, out of readers'' sight.'
                      ELSE 'Members of the body that this version of the projection does not know; null where there are none. Personal: it may be about anybody.' END,
        'event_name', 'Name of the Live Event that told this state.',
        'event_time', 'When Canvas posted that event, milliseconds; the time that orders versions.',
        'version_hash', 'Hash of event_name and the canonical body: tells apart versions with the same event_time, and breaks ties.');
    members text := '';
    member text;
    line text[];
BEGIN
    FOR line IN SELECT ARRAY[btrim(split_part(l, '--', 1)), btrim(substr(l, strpos(l || '--', '--') + 2))]
                  FROM regexp_split_to_table(columns, '\n') l LOOP
        IF line[1] <> '' THEN
            members := members || line[1] || ', ';
            member := split_part(line[1], ' ', 1);
            IF line[2] <> '' THEN
                meanings := meanings || jsonb_build_object(member, line[2]);
            END IF;
        ELSIF line[2] <> '' THEN
            meanings := jsonb_set(meanings, ARRAY[member], to_jsonb((meanings ->> member) || ' ' || line[2]));
        END IF;
    END LOOP;

    EXECUTE format($sql$
        CREATE TABLE outcomes.%1$I (
            root_account_uuid text COLLATE "C" NOT NULL,
            %2$s
            extra jsonb,
            event_name text COLLATE "C" NOT NULL,
            event_time timestamptz NOT NULL,
            version_hash bigint NOT NULL,
            CONSTRAINT %3$I PRIMARY KEY (root_account_uuid, id)
        ) WITH (fillfactor = 85);
        COMMENT ON TABLE outcomes.%1$I IS %4$L;
        GRANT SELECT, INSERT, UPDATE ON outcomes.%1$I TO outcomes_writer;
        GRANT SELECT ON outcomes.%1$I TO outcomes_reader;
    $sql$, name, members, name || '_one_row_per_object', meaning || ' The newest state of each.');
    FOR member IN SELECT attname FROM pg_attribute WHERE attrelid = format('outcomes.%I', name)::regclass AND attnum > 0 LOOP
        EXECUTE format('COMMENT ON COLUMN outcomes.%I.%I IS %L', name, member, meanings ->> member);
    END LOOP;

    -- A version is never rewritten, not even by a mistake of the writer; but a copy of its event may tell where the request was made.
    EXECUTE format($sql$
        CREATE TABLE outcomes.%1$I (
            LIKE outcomes.%2$I INCLUDING COMMENTS,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            source text NOT NULL,
            partition integer NOT NULL,
            position bigint NOT NULL,
            metadata jsonb,
            CONSTRAINT %3$I PRIMARY KEY (root_account_uuid, id, event_time, version_hash)
        ) %4$s;
        COMMENT ON TABLE outcomes.%1$I IS %5$L;
        COMMENT ON COLUMN outcomes.%1$I.recorded_at IS 'System time: when the transaction began that added this version.';
        COMMENT ON COLUMN outcomes.%1$I.source IS 'Where its first record came from: the topic, or file: and the digest of the file.';
        COMMENT ON COLUMN outcomes.%1$I.partition IS 'Kafka partition of that record; 0 for a file.';
        COMMENT ON COLUMN outcomes.%1$I.position IS 'Kafka offset of that record; line or element of a file, from 1.';
        COMMENT ON COLUMN outcomes.%1$I.metadata IS
            'Where the request was made (context_type, context_id, context_account_id, root_account_id); null for background jobs. '
            'Of copies that tell it differently the greatest text: the one thing of a version that a later copy may change. '
            'Personal where context_type is User.';
        CREATE INDEX %6$I ON outcomes.%1$I (root_account_uuid, (outcomes_internal.local_id(metadata ->> 'context_id')), event_time)
         WHERE metadata ->> 'context_type' = 'Course' AND metadata ? 'context_account_id';
        CREATE INDEX %7$I ON outcomes.%1$I (root_account_uuid, event_time) WHERE metadata ? 'root_account_id';
        GRANT SELECT, INSERT, UPDATE (metadata) ON outcomes.%1$I TO outcomes_writer;
        GRANT SELECT ON outcomes.%1$I TO outcomes_reader;
    $sql$, version, name, name || '_one_row_per_version', CASE WHEN by_year THEN 'PARTITION BY RANGE (event_time)' END,
        format('Every state of each row of %s that any event told, however late. Rows are added, never changed.', name)
            || CASE WHEN by_year THEN ' In partitions by the year of event_time.' ELSE '' END,
        version || '_hint_of_account', version || '_hint_of_root');
    FOR line IN SELECT regexp_match(l, '^\s*(\w+)\s+(.+)$') FROM regexp_split_to_table(indexes, '\n') l WHERE btrim(l) <> '' LOOP
        EXECUTE format('CREATE INDEX %I ON outcomes.%I %s', version || '_' || line[1], version, line[2]);
    END LOOP;

    IF private THEN -- the triggers fire in a session with session_replication_role = replica too
        EXECUTE format($sql$
            CREATE TRIGGER keep_unknown_values BEFORE INSERT OR UPDATE ON outcomes.%1$I FOR EACH ROW
              WHEN (NEW.extra IS NOT NULL) EXECUTE FUNCTION outcomes_internal.keep_unknown_values();
            ALTER TABLE outcomes.%1$I ENABLE ALWAYS TRIGGER keep_unknown_values;
            CREATE TRIGGER keep_unknown_values BEFORE INSERT OR UPDATE ON outcomes.%2$I FOR EACH ROW
              WHEN (NEW.extra IS NOT NULL) EXECUTE FUNCTION outcomes_internal.keep_unknown_values(%1$L);
            ALTER TABLE outcomes.%2$I ENABLE ALWAYS TRIGGER keep_unknown_values;
        $sql$, name, version);
    END IF;

    -- Current rows are replaced: at 30,000 events/s up to 30,000 dead rows a second. Whoever reads the page next removes most of them
    -- (fillfactor 85 leaves room for that); vacuum has to keep up with the rest.
    --   vacuum_scale_factor   0.02 and not 0.2, and a threshold of 20,000 rows: dead rows stay below 2 %, however large the table.
    --   vacuum_cost_limit     2000 and not 200: ten times the pages a second; with the default, vacuum is slower than the writers.
    --   analyze_scale_factor  0.05 and not 0.1: the newest event_time moves all the time, and plans should know it.
    IF by_year THEN
        EXECUTE format($sql$
            ALTER TABLE outcomes.%1$I SET (
                autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_limit = 2000,
                autovacuum_analyze_scale_factor = 0.05);
            SELECT outcomes_internal.new_version_partition('outcomes.%2$I', %3$L, 'Versions of years that have no partition of their own; normally empty.');
            SELECT outcomes_internal.copy_version_indexes('outcomes.%2$I', 'outcomes.%3$I');
            ALTER TABLE outcomes.%2$I ATTACH PARTITION outcomes.%3$I DEFAULT;
        $sql$, name, version, version || '_default');
    END IF;
    PERFORM outcomes_internal.create_version_readers(name), outcomes_internal.create_context_hint(),
            outcomes_internal.create_feed_freshness();
END
$$;
COMMENT ON FUNCTION outcomes_internal.create_versioned_table IS
    'Makes the tables of a kind of object, current and versions, with their history, function, comments, indexes and rights.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.create_versioned_table FROM PUBLIC;
