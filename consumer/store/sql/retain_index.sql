-- The parent's indexes, so that none is built when the table is attached.
SELECT outcomes.copy_version_indexes('outcomes.{parent}', 'outcomes.{name}')
