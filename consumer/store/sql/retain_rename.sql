-- Gives a partition and its indexes their final names.
SELECT outcomes_internal.rename_version_partition($1, $2)
