-- All suppressions, in the order in which they came.
SELECT root_account_uuid, kind, encode(digest, 'hex') AS digest, erased_at
  FROM suppression
 ORDER BY id
