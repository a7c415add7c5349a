CREATE OR REPLACE FUNCTION outcomes_internal.tally_quarantine() RETURNS trigger LANGUAGE plpgsql
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
COMMENT ON FUNCTION outcomes_internal.tally_quarantine IS
    'Trigger of quarantine: keeps quarantine_tally.';
