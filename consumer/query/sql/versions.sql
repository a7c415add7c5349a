-- All versions of one object in their order, and whether a newer one was known when each was recorded.
SELECT version.*, file.label,
       EXISTS (SELECT
                 FROM {table}_version AS other
                WHERE other.root_account_uuid = version.root_account_uuid AND other.id = version.id
                  AND other.recorded_at < version.recorded_at
                  AND (other.event_time, other.event_name, coalesce(other.updated_at, '-infinity'), other.version_hash)
                    > (version.event_time, version.event_name, coalesce(version.updated_at, '-infinity'), version.version_hash)
              ) AS came_late
  FROM {table}_version AS version
  LEFT JOIN stream_position AS file USING (source, partition)
 WHERE version.root_account_uuid = $1 AND version.id = $2
 ORDER BY version.event_time, version.event_name, coalesce(version.updated_at, '-infinity'), version.version_hash
