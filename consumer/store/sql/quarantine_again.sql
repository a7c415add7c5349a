-- What is still not understood says so in today's words.
UPDATE quarantine
   SET reason = again.reason, path = again.path, message = again.message
  FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS again (id, reason, path, message)
 WHERE quarantine.id = again.id
