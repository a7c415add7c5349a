-- The partitions of a version table, and their sizes.
SELECT part.relname AS name, pg_total_relation_size(part.oid) AS bytes
  FROM pg_inherits
  JOIN pg_class AS part ON part.oid = inhrelid
 WHERE inhparent = ('outcomes.' || $1::text)::regclass
 ORDER BY part.relname
