-- Stretches of topics that could not be read.
SELECT source, partition, from_position, to_position, reason, recorded_at
  FROM stream_gap
 ORDER BY id
