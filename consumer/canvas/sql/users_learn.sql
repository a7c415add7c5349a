-- Stores uuids by user id, for ids without one: after Canvas merges users, results of one id have several uuids.
INSERT INTO user_identity (root_account_uuid, user_id, user_uuid, since)
SELECT $1, learnt.user_id, learnt.user_uuid, coalesce(learnt.since, now())
  FROM unnest($2::bigint[], $3::text[], $4::timestamptz[]) AS learnt (user_id, user_uuid, since)
 WHERE NOT EXISTS (SELECT FROM user_identity AS known WHERE known.root_account_uuid = $1 AND known.user_id = learnt.user_id)
    ON CONFLICT DO NOTHING
