-- Creates the missing partitions of these years; returns the years that need no other call. To run outside of a transaction.
SELECT outcomes.make_version_partitions($1::integer[])
