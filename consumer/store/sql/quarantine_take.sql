-- Locks the next open records for a retry, up to the newest at its start; a parallel retry takes others. Without their bytes:
-- many large ones would not fit into memory.
SELECT id, length(raw) AS bytes
  FROM quarantine
 WHERE state = 'open' AND id > $1 AND id <= $5 AND ($2::bigint[] IS NULL OR id = ANY ($2))
   AND ($3::text IS NULL OR reason = $3) AND ($6::text IS NULL OR source = $6)
 ORDER BY id
 LIMIT $4
   FOR UPDATE SKIP LOCKED
