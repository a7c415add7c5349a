-- A person decided that these are not needed; they stay, and stay in the books.
UPDATE quarantine
   SET state = 'discarded'
 WHERE state = 'open' AND ($1::bigint[] IS NULL OR id = ANY ($1))
   AND ($2::text IS NULL OR reason = $2) AND ($3::text IS NULL OR source = $3)
RETURNING id
