-- A person decided that the next of these are not needed; they stay, and stay in the books, and their bytes go.
UPDATE quarantine
   SET state = 'discarded', raw = ''
 WHERE state = 'open'
   AND id IN (SELECT id
                FROM quarantine
               WHERE state = 'open' AND id > $4 AND ($1::bigint[] IS NULL OR id = ANY ($1))
                 AND ($2::text IS NULL OR reason = $2) AND ($3::text IS NULL OR source = $3)
               ORDER BY id
               LIMIT $5)
RETURNING id
