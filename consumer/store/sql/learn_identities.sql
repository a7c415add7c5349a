-- Adds the pairs of uuid and user that a batch tells, or an earlier moment of them, in the order of their key. Only what is new locks a row.
INSERT INTO user_identity AS known (root_account_uuid, user_uuid, user_id, since)
SELECT told.root_account_uuid, told.user_uuid, told.user_id, min(told.event_time)
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[]) AS told (root_account_uuid, user_uuid, user_id, event_time)
 WHERE NOT EXISTS (SELECT
                     FROM user_identity AS k
                    WHERE k.root_account_uuid = told.root_account_uuid AND k.user_uuid = told.user_uuid AND k.user_id = told.user_id
                      AND k.since <= told.event_time)
 GROUP BY told.root_account_uuid, told.user_uuid, told.user_id
 ORDER BY told.root_account_uuid COLLATE "C", told.user_uuid COLLATE "C", told.user_id
    ON CONFLICT (root_account_uuid, user_uuid, user_id) DO UPDATE SET since = least(known.since, excluded.since)
