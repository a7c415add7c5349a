CREATE OR REPLACE FUNCTION outcomes_internal.refuse_unaware_writer() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF coalesce(current_setting('outcomes.suppressions', true), '') = '' THEN
        PERFORM outcomes_internal.lock_suppressions(); -- else an erasure could end between this look and the commit
        IF EXISTS (SELECT FROM outcomes.suppression) THEN
            RAISE 'people were erased from this database, and this program does not know whom it must not store: upgrade it';
        END IF;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION outcomes_internal.refuse_unaware_writer IS
    'Trigger of stream_position: refuses books of a transaction that has not looked at the suppressions, where there are any.';
