-- The records of a topic or file, whatever their state. Built beside writing workers.
CREATE INDEX CONCURRENTLY IF NOT EXISTS quarantine_by_source ON outcomes.quarantine (source, id)
