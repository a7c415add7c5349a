-- Built beside writing workers.
CREATE INDEX CONCURRENTLY IF NOT EXISTS learning_outcome_result_by_attempt
    ON outcomes.learning_outcome_result (root_account_uuid, attempt)
