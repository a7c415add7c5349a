-- Copies the stored versions and current rows of the staged objects into the dry-run tables, once.
WITH versions AS (
    INSERT INTO {table}_version
    SELECT DISTINCT version.*
      FROM outcomes.{table}_version AS version
      JOIN stage_{table} AS stage USING (root_account_uuid, id, event_time, version_hash)
        ON CONFLICT DO NOTHING
)
INSERT INTO {table}
SELECT DISTINCT current.*
  FROM outcomes.{table} AS current
  JOIN stage_{table} AS stage USING (root_account_uuid, id)
    ON CONFLICT DO NOTHING
