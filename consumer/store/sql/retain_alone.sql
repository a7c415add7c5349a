-- Nobody else makes or takes away partitions meanwhile: the lock of make_version_partitions.
SELECT pg_advisory_xact_lock(hashtextextended('outcomes.version_partitions', 0))
