-- Records that were set aside, without their bytes.
SELECT id, source, partition, position, reason, path, message, event_name, state, length(raw) AS bytes, recorded_at
  FROM quarantine
 WHERE state = ANY ($1::text[]) AND ($2::text IS NULL OR reason = $2)
 ORDER BY id
 LIMIT $3
