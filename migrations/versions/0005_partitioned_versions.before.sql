-- What 0005 has to know beforehand, found out while workers go on writing: that a version table which holds rows holds none from a
-- certain year on. With a valid CHECK that says so, the table becomes a partition without being read under a lock.
--
-- Adding the CHECK locks the table for a moment (whoever cannot have the lock soon gives up and comes again); validating it reads
-- the table beside readers and writers. Run as often as you like, also years later: a CHECK whose year has come too near gives way
-- to one of a later year. Versions of that year or later would be refused while the CHECK stands and 0005 has not run, so it ends
-- at least 30 days from now; an event is let in at most a day (OUTCOMES_MAX_FUTURE_SECONDS) ahead of the clock.
DO $before$
DECLARE
    parent text;
    earliest integer := extract(year FROM (now() + interval '30 days') AT TIME ZONE 'UTC')::integer + 1;
    newest timestamptz;
    wanted integer;
    held record;
BEGIN
    FOREACH parent IN ARRAY ARRAY['learning_outcome_result_version', 'rubric_assessment_version'] LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM pg_class
                                   WHERE relname = parent AND relnamespace = 'outcomes'::regnamespace AND relkind = 'r');
        -- The year of a CHECK that an earlier run has left and that is still far enough away, else a new one.
        SELECT max(substring(conname FROM '[0-9]{4}$')::integer) INTO wanted
          FROM pg_constraint
         WHERE conrelid = format('outcomes.%I', parent)::regclass AND contype = 'c' AND conname LIKE parent || '\_before\_%'
           AND substring(conname FROM '[0-9]{4}$')::integer >= earliest;
        IF wanted IS NULL THEN
            EXECUTE format('SELECT max(event_time) FROM outcomes.%I', parent) INTO newest;
            CONTINUE WHEN newest IS NULL;
            wanted := greatest(earliest, extract(year FROM newest AT TIME ZONE 'UTC')::integer + 1);
        END IF;
        COMMIT;
        PERFORM set_config('lock_timeout', '800ms', true);
        FOR held IN SELECT conname FROM pg_constraint
                     WHERE conrelid = format('outcomes.%I', parent)::regclass AND contype = 'c' AND conname LIKE parent || '\_before\_%'
                       AND conname <> format('%s_before_%s', parent, wanted) LOOP
            EXECUTE format('ALTER TABLE outcomes.%I DROP CONSTRAINT %I', parent, held.conname);
        END LOOP;
        IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = format('outcomes.%I', parent)::regclass
                                                   AND conname = format('%s_before_%s', parent, wanted)) THEN
            EXECUTE format('ALTER TABLE outcomes.%I ADD CONSTRAINT %I CHECK (event_time < %L) NOT VALID',
                           parent, format('%s_before_%s', parent, wanted), make_timestamptz(wanted, 1, 1, 0, 0, 0, 'UTC'));
        END IF;
        COMMIT;
        EXECUTE format('ALTER TABLE outcomes.%I VALIDATE CONSTRAINT %I', parent, format('%s_before_%s', parent, wanted));
        COMMIT;
    END LOOP;
END
$before$;
