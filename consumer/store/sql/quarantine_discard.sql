-- Discards the next open records. They stay in the table and in the books; their bytes are deleted.
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
