-- Open records in quarantine that hold one of these byte strings, in a page behind $1; each is looked at closer then.
SELECT id, source, partition, raw
  FROM quarantine
 WHERE state = 'open' AND id > $1 AND EXISTS (SELECT FROM unnest($2::bytea[]) word WHERE position(word IN raw) > 0)
 ORDER BY id
 LIMIT $3
