-- How many versions of each table have values of unknown members that are kept out of sight; exact up to ten thousand in all, above it as
-- Postgres estimates.
WITH seen AS (
    SELECT table_name
      FROM unknown_value
     LIMIT 10001
)
SELECT table_name AS table,
       CASE WHEN (SELECT count(*) FROM seen) <= 10000 THEN count(*)
            ELSE greatest(count(*), count(*) * reltuples / 10001)::bigint END AS versions
  FROM seen
 CROSS JOIN pg_class
 WHERE pg_class.oid = 'outcomes.unknown_value'::regclass
 GROUP BY table_name, reltuples
 ORDER BY table_name
