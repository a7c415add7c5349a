-- Records in quarantine that may be about one object: of its kind's events, with its id somewhere in their bytes.
SELECT id, source, partition, position, label, reason, path, state, recorded_at
  FROM quarantine
  LEFT JOIN stream_position USING (source, partition)
 WHERE event_name = ANY ($1::text[]) AND position($2::bytea IN raw) > 0
 ORDER BY id
 LIMIT 50
