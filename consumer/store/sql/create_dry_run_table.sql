-- Masks the table for this session: Postgres looks for temporary tables first, so the same statements change nothing.
CREATE TEMPORARY TABLE {table} (LIKE outcomes.{table} INCLUDING ALL)
