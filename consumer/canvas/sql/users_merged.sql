-- Which of these users count as merged into another one.
SELECT id
  FROM user_merge
 WHERE root_account_uuid = $1 AND id = ANY ($2::bigint[]) AND merged_into_user_id IS NOT NULL
 ORDER BY id
