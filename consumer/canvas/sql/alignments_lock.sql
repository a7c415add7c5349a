-- One writer of alignments at a time, until COMMIT; readers do not conflict with this lock. It is a statement of its own, so that
-- the next statement sees what the other writer added.
LOCK TABLE backfill_run IN SHARE UPDATE EXCLUSIVE MODE
