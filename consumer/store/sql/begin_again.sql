-- Moves a file back to its start, to read it again with other code or settings. With the same fence as move_positions.
UPDATE stream_position
   SET next_position = 1, updated_at = now()
 WHERE source = $1 AND partition = $2 AND next_position = $3
