-- Where a dry run folds to.
CREATE TEMPORARY TABLE {name} (LIKE {parent} INCLUDING ALL)
