-- The names that results use for these users: the uuids of known ids, `id:` and the id, and the given uuids themselves.
SELECT u.user_uuid
  FROM user_identity AS u
 WHERE u.root_account_uuid = $1 AND u.user_id = ANY ($2::bigint[])
 UNION
SELECT 'id:' || asked.id FROM unnest($2::bigint[]) AS asked (id)
 UNION
SELECT asked.user_uuid FROM unnest($3::text[]) AS asked (user_uuid)
