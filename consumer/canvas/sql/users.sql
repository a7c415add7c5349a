-- The uuids of some user ids; the first of each: after Canvas merges users, results of one id have several uuids.
SELECT DISTINCT ON (user_id) user_id, user_uuid
  FROM user_identity
 WHERE root_account_uuid = $1 AND user_id = ANY ($2::bigint[])
 ORDER BY user_id, since, recorded_at, user_uuid
