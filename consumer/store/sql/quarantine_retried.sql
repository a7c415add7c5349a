-- What is understood now has left quarantine.
UPDATE quarantine
   SET state = 'retried'
 WHERE id = ANY ($1::bigint[])
