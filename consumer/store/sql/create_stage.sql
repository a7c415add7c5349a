-- Where COPY puts the versions of one batch; emptied by every commit. One per table and connection.
CREATE TEMPORARY TABLE IF NOT EXISTS stage_{table} ON COMMIT DELETE ROWS AS
SELECT {columns}, true AS newest
  FROM outcomes.{table}_version
 LIMIT 0
