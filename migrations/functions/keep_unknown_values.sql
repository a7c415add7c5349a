-- With the name of a table as its argument it keeps the values of a version. Without, for a current row, which says the same, it drops them.
CREATE OR REPLACE FUNCTION outcomes_internal.keep_unknown_values() RETURNS trigger LANGUAGE plpgsql AS $$
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
COMMENT ON FUNCTION outcomes_internal.keep_unknown_values IS
    'Trigger of tables whose rows are about a person: takes the values of unknown members out of a row, and those of a version '
    'into unknown_value.';
