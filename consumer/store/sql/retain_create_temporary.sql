-- The new partition of a dry run.
CREATE TEMPORARY TABLE {name} (LIKE {parent} INCLUDING ALL)
