-- Stores uuids by user id. The first one stays: after Canvas merges users, results of one id have several uuids.
INSERT INTO canvas_user (root_account_uuid, user_id, user_uuid)
SELECT $1, learnt.user_id, learnt.user_uuid
  FROM unnest($2::bigint[], $3::text[]) AS learnt (user_id, user_uuid)
    ON CONFLICT DO NOTHING
