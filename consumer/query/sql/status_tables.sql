-- Rows of the current and version tables, as Postgres estimates them: exact counts would read every row. Partitions are summed.
SELECT held.relname AS table, sum(greatest(part.reltuples, 0))::bigint AS estimate, sum(pg_total_relation_size(part.oid))::bigint AS bytes
  FROM pg_class AS held
 CROSS JOIN LATERAL (SELECT held.oid UNION SELECT relid FROM pg_partition_tree(held.oid)) AS tree (oid)
  JOIN pg_class AS part ON part.oid = tree.oid AND part.relkind = 'r'
 WHERE held.relnamespace = 'outcomes'::regnamespace AND held.relkind IN ('r', 'p') AND held.relname = ANY ($1::text[])
 GROUP BY held.relname
 ORDER BY held.relname
