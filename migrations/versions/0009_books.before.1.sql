-- What keeps the values of unknown members of results out of readers' sight, and what counts the open records of quarantine. From the
-- moment on at which the triggers are there, workers of the code before write by them too, and notice nothing. Below a second for each
-- lock: who cannot have it gives way and comes again. They always fire, because session_replication_role = replica of a database or a
-- login, which only a superuser can set back, would keep others from it.
DO $before$
DECLARE
    name text;
BEGIN
    -- What is left of an index whose building was killed (0009_books.before.2.sql, 0009_books.before.3.sql).
    FOREACH name IN ARRAY ARRAY['quarantine_open_by_reason', 'quarantine_by_source'] LOOP
        IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(format('outcomes.%I', name)) AND NOT indisvalid) THEN
            PERFORM set_config('lock_timeout', '800ms', true);
            EXECUTE format('DROP INDEX outcomes.%I', name);
            COMMIT;
        END IF;
    END LOOP;

    CREATE TABLE IF NOT EXISTS outcomes.unknown_value (
        root_account_uuid text COLLATE "C" NOT NULL,
        table_name text COLLATE "C" NOT NULL,
        id bigint NOT NULL,
        event_time timestamptz NOT NULL,
        version_hash bigint NOT NULL,
        members jsonb NOT NULL,
        CONSTRAINT unknown_value_one_row_per_version PRIMARY KEY (root_account_uuid, table_name, id, event_time, version_hash)
    );
    GRANT SELECT, INSERT ON outcomes.unknown_value TO outcomes_writer;

    -- Given the name of a table, for its versions: their values go there. Without one, for current rows, which say the same.
    CREATE OR REPLACE FUNCTION outcomes.keep_unknown_values() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_NARGS OPERATOR(pg_catalog.=) 1 THEN
            INSERT INTO outcomes.unknown_value (root_account_uuid, table_name, id, event_time, version_hash, members)
            VALUES (NEW.root_account_uuid, TG_ARGV[0], NEW.id, NEW.event_time, NEW.version_hash, NEW.extra)
                ON CONFLICT DO NOTHING;
        END IF;
        NEW.extra := NULL;
        RETURN NEW;
    END
    $$;

    -- One row for each session that has ever changed the number: no two of them wait for each other.
    CREATE TABLE IF NOT EXISTS outcomes.quarantine_tally (
        reason text NOT NULL,
        session integer NOT NULL,
        records bigint NOT NULL,
        CONSTRAINT quarantine_tally_one_row_per_reason_and_session PRIMARY KEY (reason, session)
    ) WITH (fillfactor = 50);
    GRANT SELECT, INSERT, UPDATE ON outcomes.quarantine_tally TO outcomes_writer;

    CREATE OR REPLACE FUNCTION outcomes.tally_quarantine() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO outcomes.quarantine_tally AS known (reason, session, records)
            SELECT reason, pg_backend_pid(), count(*) FROM became WHERE state = 'open' GROUP BY reason
                ON CONFLICT (reason, session) DO UPDATE SET records = known.records + excluded.records;
        END IF;
        IF TG_OP <> 'INSERT' THEN
            INSERT INTO outcomes.quarantine_tally AS known (reason, session, records)
            SELECT reason, pg_backend_pid(), -count(*) FROM was WHERE state = 'open' GROUP BY reason
                ON CONFLICT (reason, session) DO UPDATE SET records = known.records + excluded.records;
        END IF;
        RETURN NULL;
    END
    $$;
    COMMIT;

    FOREACH name IN ARRAY ARRAY['learning_outcome_result', 'rubric_assessment'] LOOP
        PERFORM set_config('lock_timeout', '800ms', true);
        EXECUTE format('CREATE OR REPLACE TRIGGER keep_unknown_values BEFORE INSERT OR UPDATE ON outcomes.%I FOR EACH ROW '
                       'WHEN (NEW.extra IS NOT NULL) EXECUTE FUNCTION outcomes.keep_unknown_values()', name);
        EXECUTE format('ALTER TABLE outcomes.%I ENABLE ALWAYS TRIGGER keep_unknown_values', name);
        COMMIT;
        PERFORM set_config('lock_timeout', '800ms', true);
        EXECUTE format('CREATE OR REPLACE TRIGGER keep_unknown_values BEFORE INSERT OR UPDATE ON outcomes.%I FOR EACH ROW '
                       'WHEN (NEW.extra IS NOT NULL) EXECUTE FUNCTION outcomes.keep_unknown_values(%L)', name || '_version', name);
        EXECUTE format('ALTER TABLE outcomes.%I ENABLE ALWAYS TRIGGER keep_unknown_values', name || '_version');
        COMMIT;
    END LOOP;

    PERFORM set_config('lock_timeout', '800ms', true);
    CREATE OR REPLACE TRIGGER tally_added AFTER INSERT ON outcomes.quarantine
        REFERENCING NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION outcomes.tally_quarantine();
    CREATE OR REPLACE TRIGGER tally_changed AFTER UPDATE ON outcomes.quarantine
        REFERENCING OLD TABLE AS was NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION outcomes.tally_quarantine();
    CREATE OR REPLACE TRIGGER tally_removed AFTER DELETE ON outcomes.quarantine
        REFERENCING OLD TABLE AS was FOR EACH STATEMENT EXECUTE FUNCTION outcomes.tally_quarantine();
    ALTER TABLE outcomes.quarantine
        ENABLE ALWAYS TRIGGER tally_added, ENABLE ALWAYS TRIGGER tally_changed, ENABLE ALWAYS TRIGGER tally_removed;
    COMMIT;
END
$before$;
