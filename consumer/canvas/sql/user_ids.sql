-- The ids of some users.
SELECT user_uuid, user_id
  FROM canvas_user
 WHERE root_account_uuid = $1 AND user_uuid = ANY ($2::text[])
