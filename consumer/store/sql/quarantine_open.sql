-- Those of these records that are open.
SELECT id
  FROM quarantine
 WHERE id = ANY ($1::bigint[]) AND state = 'open'
