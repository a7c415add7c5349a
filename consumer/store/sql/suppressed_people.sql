-- The people, and the names, that were suppressed behind number $1, and the key of their digests.
SELECT root_account_uuid, digest, inner_pad, outer_pad
  FROM suppression
 CROSS JOIN outcomes_internal.erasure_key
 WHERE id > $1 AND kind IN ('user', 'uuid', 'text')
