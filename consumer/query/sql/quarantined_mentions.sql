-- Records in quarantine that may be about one object: of its kind's events, with its id somewhere in their bytes,
-- as a number of its own. In records of more than 64 MiB any digits alike count: their text would not fit into a value.
SELECT id, source, partition, position, label, reason, path, state, recorded_at
  FROM quarantine
  LEFT JOIN stream_position USING (source, partition)
 WHERE event_name = ANY ($1::text[])
   AND CASE WHEN position($2::bytea IN raw) = 0 THEN false
            WHEN length(raw) > 67108864 THEN true
            ELSE encode(raw, 'escape') ~ $3 END
 ORDER BY id
 LIMIT 50
