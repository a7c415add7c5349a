-- Moves a position over records that Kafka no longer has, and stores the gap. With the same fence as move_positions.
WITH moved AS (
    UPDATE stream_position
       SET next_position = $4, updated_at = now()
     WHERE source = $1 AND partition = $2 AND next_position = $3
    RETURNING source, partition
)
INSERT INTO stream_gap (source, partition, from_position, to_position, reason)
SELECT source, partition, $3, $4, $5
  FROM moved
