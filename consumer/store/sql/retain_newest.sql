-- The state of each object at the cutoff: its newest version before. Reads the primary key backwards.
INSERT INTO {into}
SELECT DISTINCT ON (root_account_uuid, id) *
  FROM {table}
 WHERE event_time < $1
 ORDER BY root_account_uuid DESC, id DESC, event_time DESC, event_name DESC, updated_at DESC NULLS LAST, version_hash DESC
