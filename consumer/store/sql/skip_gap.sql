-- Goes on behind (or before) what Kafka no longer has, and says so. Fenced like every other move of a position.
WITH moved AS (
    UPDATE stream_position
       SET next_position = $4, updated_at = now()
     WHERE source = $1 AND partition = $2 AND next_position = $3
    RETURNING source, partition
)
INSERT INTO stream_gap (source, partition, from_position, to_position, reason)
SELECT source, partition, $3, $4, $5
  FROM moved
