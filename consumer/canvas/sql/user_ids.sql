-- The ids of some users: of a uuid that Canvas gave to another user, that user's.
SELECT DISTINCT ON (user_uuid) user_uuid, user_id
  FROM user_identity
 WHERE root_account_uuid = $1 AND user_uuid = ANY ($2::text[])
 ORDER BY user_uuid, since DESC, user_id DESC
