-- Deletes the unknown members of versions that go. Those that stay are in {kept}.
DELETE FROM unknown_value AS value
 WHERE table_name = $2 AND event_time < $1
   AND NOT EXISTS (SELECT
                     FROM {kept} AS kept
                    WHERE (kept.root_account_uuid, kept.id, kept.event_time, kept.version_hash)
                        = (value.root_account_uuid, value.id, value.event_time, value.version_hash))
