-- Records that are still not understood get the current reason, path and message.
UPDATE quarantine
   SET reason = rejected.reason, path = rejected.path, message = rejected.message
  FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS rejected (id, reason, path, message)
 WHERE quarantine.id = rejected.id
