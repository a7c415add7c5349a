-- Records that are understood now leave quarantine. Their bytes are deleted: the rows that they became hold the same content.
UPDATE quarantine
   SET state = 'retried', raw = ''
 WHERE id = ANY ($1::bigint[])
