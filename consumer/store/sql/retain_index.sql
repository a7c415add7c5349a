-- Creates the parent's indexes, so that attaching the table builds none.
SELECT outcomes_internal.copy_version_indexes('outcomes.{parent}', 'outcomes.{name}')
