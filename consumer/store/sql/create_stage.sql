-- COPY writes the versions of one batch here. Every commit empties it. One per table and connection.
CREATE TEMPORARY TABLE IF NOT EXISTS stage_{table} ON COMMIT DELETE ROWS AS
SELECT {columns}, true AS newest
  FROM outcomes.{table}_version
 LIMIT 0
