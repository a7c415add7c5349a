-- Results whose student was unknown when REST showed them, and is known now.
SELECT result.*, known.user_uuid AS learnt, kept.members
  FROM learning_outcome_result AS result
  JOIN LATERAL (SELECT first.user_uuid
                  FROM user_identity AS first
                 WHERE first.root_account_uuid = result.root_account_uuid AND first.user_id = substr(result.user_uuid, 4)::bigint
                 ORDER BY first.since, first.recorded_at, first.user_uuid
                 LIMIT 1) AS known ON true
  LEFT JOIN unknown_value AS kept
    ON kept.table_name = 'learning_outcome_result'
   AND (kept.root_account_uuid, kept.id, kept.event_time, kept.version_hash)
     = (result.root_account_uuid, result.id, result.event_time, result.version_hash)
 WHERE result.root_account_uuid = $1 AND result.user_uuid LIKE 'id:%' AND result.id > $2
 ORDER BY result.id
 LIMIT $3
