-- The people, and the names, that were suppressed behind number $1, and the key of their digests.
SELECT root_account_uuid, digest, (SELECT key FROM outcomes_internal.erasure_key) AS key
  FROM suppression
 WHERE id > $1 AND kind IN ('user', 'uuid', 'text')
