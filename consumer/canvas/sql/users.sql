-- The uuids of some user ids.
SELECT user_id, user_uuid
  FROM canvas_user
 WHERE root_account_uuid = $1 AND user_id = ANY ($2::bigint[])
