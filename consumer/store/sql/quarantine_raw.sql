-- Taken records with their bytes.
SELECT id, source, partition, position, raw
  FROM quarantine
 WHERE id = ANY ($1::bigint[])
 ORDER BY id
