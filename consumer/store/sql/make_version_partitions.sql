-- Makes the partitions of these years where they are missing; tells which of the years need no further asking. Outside of a transaction.
SELECT outcomes.make_version_partitions($1::integer[])
