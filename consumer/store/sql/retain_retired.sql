-- Number of versions that go, by source and partition. Each was recorded no later than the newest of those that stay.
SELECT source, partition, count(*) AS versions, (SELECT max(recorded_at) FROM {into}) AS known_from
  FROM {table} AS version
 WHERE event_time < $1
   AND NOT EXISTS (SELECT
                     FROM {into} AS kept
                    WHERE (kept.root_account_uuid, kept.id, kept.event_time, kept.version_hash)
                        = (version.root_account_uuid, version.id, version.event_time, version.version_hash))
 GROUP BY source, partition
