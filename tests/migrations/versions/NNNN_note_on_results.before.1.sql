-- A CHECK is added without reading the table, and validated beside those who write. An index whose building was killed goes first.
DO $before$
BEGIN
    IF EXISTS (SELECT FROM pg_index
                WHERE indexrelid = to_regclass('outcomes.learning_outcome_result_by_attempt') AND NOT indisvalid) THEN
        PERFORM set_config('lock_timeout', '800ms', true);
        DROP INDEX outcomes.learning_outcome_result_by_attempt;
        COMMIT;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'learning_outcome_result_attempt_is_counted') THEN
        PERFORM set_config('lock_timeout', '800ms', true);
        ALTER TABLE outcomes.learning_outcome_result
            ADD CONSTRAINT learning_outcome_result_attempt_is_counted CHECK (attempt > -1000000) NOT VALID;
        COMMIT;
    END IF;
    ALTER TABLE outcomes.learning_outcome_result VALIDATE CONSTRAINT learning_outcome_result_attempt_is_counted;
END
$before$;
