-- What needs the tables for itself takes milliseconds: what reads many rows has been done before.
DO $built$
BEGIN
    IF NOT (SELECT i.indisvalid FROM pg_index i WHERE i.indexrelid = 'outcomes.learning_outcome_result_by_attempt'::regclass) THEN
        RAISE EXCEPTION 'an index was not built to its end';
    END IF;
END
$built$;

-- In the order of the writer: versions first.
ALTER TABLE outcomes.learning_outcome_result_version ADD COLUMN note text;
ALTER TABLE outcomes.learning_outcome_result ADD COLUMN note text;
COMMENT ON COLUMN outcomes.learning_outcome_result_version.note IS 'A note.';
COMMENT ON COLUMN outcomes.learning_outcome_result.note IS 'A note.';
SELECT outcomes_internal.create_version_readers('learning_outcome_result');
