-- A partition's final name, and that of its indexes.
SELECT outcomes.rename_version_partition($1, $2)
