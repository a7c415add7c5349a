-- The oldest open record of a reason, and the next ones: asked for by status, list, retry and discard. Built beside writing workers.
CREATE INDEX CONCURRENTLY IF NOT EXISTS quarantine_open_by_reason ON outcomes.quarantine (reason, id) WHERE state = 'open'
