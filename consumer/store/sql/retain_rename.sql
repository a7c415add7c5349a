-- Gives a partition and its indexes their final names.
SELECT outcomes.rename_version_partition($1, $2)
