-- A file that is read once more from its start, because code or settings have changed. Fenced like every other move of a position.
UPDATE stream_position
   SET next_position = 1, updated_at = now()
 WHERE source = $1 AND partition = $2 AND next_position = $3
