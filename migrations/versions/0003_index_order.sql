-- Puts the indexes that were built beside the workers in the place of the old ones. They serve the same questions, and cost a
-- seventh less of the server's time for each event: a comparison is decided by the first column instead of the second or third.
LOCK TABLE outcomes.learning_outcome_result_version, outcomes.learning_outcome_result IN ACCESS EXCLUSIVE MODE;

DO $swap$
DECLARE
    part record;
BEGIN
    IF EXISTS (SELECT
                 FROM pg_inherits
                 JOIN pg_class c ON c.oid = inhrelid
                WHERE inhparent = 'outcomes.learning_outcome_result_version'::regclass
                  AND (to_regclass('outcomes.' || c.relname || '_new_key') IS NULL
                       OR to_regclass('outcomes.' || c.relname || '_new_course') IS NULL)) THEN
        -- The code of a lock that could not be had: all is done again, and builds what is missing.
        RAISE EXCEPTION 'a partition was made meanwhile' USING ERRCODE = 'lock_not_available';
    END IF;

    ALTER TABLE outcomes.learning_outcome_result_version DROP CONSTRAINT learning_outcome_result_one_row_per_version;
    DROP INDEX outcomes.learning_outcome_result_version_by_course;
    ALTER TABLE ONLY outcomes.learning_outcome_result_version ADD CONSTRAINT learning_outcome_result_one_row_per_version
        PRIMARY KEY (id, event_time, version_hash, root_account_uuid);
    CREATE INDEX learning_outcome_result_version_by_course ON ONLY outcomes.learning_outcome_result_version
        (result_context_id, user_uuid, learning_outcome_id, root_account_uuid);
    FOR part IN SELECT c.relname AS name FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
                 WHERE inhparent = 'outcomes.learning_outcome_result_version'::regclass LOOP
        EXECUTE format('ALTER TABLE outcomes.%1$I ADD CONSTRAINT %2$I PRIMARY KEY USING INDEX %3$I',
                       part.name, part.name || '_one_row_per_version', part.name || '_new_key');
        EXECUTE format('ALTER INDEX outcomes.learning_outcome_result_one_row_per_version ATTACH PARTITION outcomes.%I',
                       part.name || '_one_row_per_version');
        EXECUTE format('ALTER INDEX outcomes.%I RENAME TO %I', part.name || '_new_course', part.name || '_by_course');
        EXECUTE format('ALTER INDEX outcomes.learning_outcome_result_version_by_course ATTACH PARTITION outcomes.%I',
                       part.name || '_by_course');
    END LOOP;
END
$swap$;

ALTER TABLE outcomes.learning_outcome_result
    DROP CONSTRAINT learning_outcome_result_one_row_per_object,
    ADD CONSTRAINT learning_outcome_result_one_row_per_object PRIMARY KEY USING INDEX learning_outcome_result_new_key;
DROP INDEX outcomes.learning_outcome_result_by_outcome;
ALTER INDEX outcomes.learning_outcome_result_new_outcome RENAME TO learning_outcome_result_by_outcome;
