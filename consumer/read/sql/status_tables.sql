-- Rows of the current and version tables, as Postgres estimates them: exact counts would read every row.
SELECT relname AS table, greatest(reltuples, 0)::bigint AS estimate, pg_total_relation_size(oid) AS bytes
  FROM pg_class
 WHERE relnamespace = 'outcomes'::regnamespace AND relkind = 'r' AND relname = ANY ($1::text[])
 ORDER BY relname
