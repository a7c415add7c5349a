-- A version that came without word of where its request was made, or with less of it, takes the greatest that any copy tells: which copy
-- came first must not matter. Others may be at the same versions, so they are locked in one order.
WITH told AS (
    SELECT DISTINCT ON (root_account_uuid, id, event_time, version_hash) root_account_uuid, id, event_time, version_hash, metadata
      FROM stage_{table}
     WHERE metadata IS NOT NULL
     ORDER BY root_account_uuid, id, event_time, version_hash, metadata::text COLLATE "C" DESC
),
lesser AS MATERIALIZED (
    SELECT version.root_account_uuid, version.id, version.event_time, version.version_hash, told.metadata
      FROM {table}_version AS version
      JOIN told USING (root_account_uuid, id, event_time, version_hash)
     WHERE coalesce(version.metadata::text, '') COLLATE "C" < told.metadata::text COLLATE "C"
     ORDER BY 1, 2, 3, 4
       FOR UPDATE OF version
)
UPDATE {table}_version AS version
   SET metadata = lesser.metadata
  FROM lesser
 WHERE version.root_account_uuid = lesser.root_account_uuid AND version.id = lesser.id AND version.event_time = lesser.event_time
   AND version.version_hash = lesser.version_hash
