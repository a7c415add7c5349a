-- A person decided that these are not needed; they stay, and stay in the books.
UPDATE quarantine
   SET state = 'discarded'
 WHERE id = ANY ($1::bigint[]) AND state = 'open'
RETURNING id
