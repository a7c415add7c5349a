-- Results whose student was unknown when REST showed them, and is known now.
SELECT result.*, known.user_uuid AS learnt, kept.members
  FROM learning_outcome_result AS result
  JOIN canvas_user AS known
    ON known.root_account_uuid = result.root_account_uuid AND 'id:' || known.user_id = result.user_uuid
  LEFT JOIN unknown_value AS kept
    ON kept.table_name = 'learning_outcome_result'
   AND (kept.root_account_uuid, kept.id, kept.event_time, kept.version_hash)
     = (result.root_account_uuid, result.id, result.event_time, result.version_hash)
 WHERE result.root_account_uuid = $1 AND result.user_uuid LIKE 'id:%' AND result.id > $2
 ORDER BY result.id
 LIMIT $3
