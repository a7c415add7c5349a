-- Who adds states of alignments is alone with it until COMMIT: with a lock that only a writer can have, and nobody else minds. A
-- statement before the other, which then sees what was added meanwhile.
LOCK TABLE backfill_run IN SHARE UPDATE EXCLUSIVE MODE
