-- Who adds states of alignments of a course is alone with it until COMMIT. A statement before the other, which then sees what was
-- added meanwhile.
SELECT pg_advisory_xact_lock(hashtextextended('outcomes.outcome_alignment ' || $1::text || ' ' || $2::bigint, 0))
