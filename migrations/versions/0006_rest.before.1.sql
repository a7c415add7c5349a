-- Whoever killed the building of the index (0006_rest.before.2.sql) has left one that is not valid: it goes, and is built anew. If a
-- server is still at it for a client that is gone, this one gives way and comes again.
DO $before$
BEGIN
    IF EXISTS (SELECT FROM pg_index
                WHERE indexrelid = to_regclass('outcomes.learning_outcome_result_by_outcome') AND NOT indisvalid) THEN
        PERFORM set_config('lock_timeout', '800ms', true);
        DROP INDEX outcomes.learning_outcome_result_by_outcome;
    END IF;
END
$before$;
