-- Whether an outcome has ever assessed anybody is asked for each outcome that is served, and the table may be large: this builds beside
-- writing workers. 0006_rest.sql looks whether it came to its end.
CREATE INDEX CONCURRENTLY IF NOT EXISTS learning_outcome_result_by_outcome
    ON outcomes.learning_outcome_result (root_account_uuid, learning_outcome_id)
