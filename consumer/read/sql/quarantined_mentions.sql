-- Records in quarantine that may be about one object: of its kind's events, with its id somewhere in their bytes.
SELECT id, source, partition, position, reason, path, state, recorded_at
  FROM quarantine
 WHERE event_name = ANY ($1::text[]) AND position($2::bytea IN raw) > 0
 ORDER BY id
 LIMIT 50
