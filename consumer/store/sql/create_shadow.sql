-- A dry run writes to temporary tables of the same names, which Postgres finds first: the same statements, nothing changed.
CREATE TEMPORARY TABLE {table} (LIKE outcomes.{table} INCLUDING ALL)
