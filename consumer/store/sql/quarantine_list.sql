-- Records in quarantine, without their bytes. `label` is a file's path.
SELECT id, source, partition, position, label, reason, path, message, event_name, state,
       CASE WHEN state = 'open' THEN length(raw) END AS bytes, recorded_at
  FROM quarantine
  LEFT JOIN stream_position USING (source, partition)
 WHERE state = ANY ($1::text[]) AND ($2::text IS NULL OR reason = $2) AND ($4::text IS NULL OR source = $4)
 ORDER BY id
 LIMIT $3
