-- Merges request context into stored versions that have none, or a lesser one. The greatest of all copies wins, so that their order of
-- arrival does not matter. Locks rows in one order: other writers may update the same versions.
WITH context AS (
    SELECT DISTINCT ON (root_account_uuid, id, event_time, version_hash) root_account_uuid, id, event_time, version_hash, metadata
      FROM stage_{table}
     WHERE metadata IS NOT NULL
     ORDER BY root_account_uuid, id, event_time, version_hash, metadata::text COLLATE "C" DESC
),
lesser AS MATERIALIZED (
    SELECT version.root_account_uuid, version.id, version.event_time, version.version_hash, context.metadata
      FROM {table}_version AS version
      JOIN context USING (root_account_uuid, id, event_time, version_hash)
     WHERE coalesce(version.metadata::text, '') COLLATE "C" < context.metadata::text COLLATE "C"
     ORDER BY 1, 2, 3, 4
       FOR UPDATE OF version
)
UPDATE {table}_version AS version
   SET metadata = lesser.metadata
  FROM lesser
 WHERE version.root_account_uuid = lesser.root_account_uuid AND version.id = lesser.id AND version.event_time = lesser.event_time
   AND version.version_hash = lesser.version_hash
