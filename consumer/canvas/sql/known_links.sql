-- The links of some outcomes in a context: REST tells no id of a link. By way of the versions, whose index is by context. And whether
-- the link went with its outcome, which no event tells.
SELECT link.*, outcome_deleted_since(link.root_account_uuid, link.learning_outcome_id, link.event_time) AS gone_in_silence
  FROM learning_outcome_link AS link
 WHERE link.root_account_uuid = $1
   AND link.id IN (SELECT version.id FROM learning_outcome_link_version AS version
                    WHERE version.root_account_uuid = $1 AND version.context_type = $2 AND version.context_id = $3
                      AND version.learning_outcome_id = ANY ($4::bigint[]))
   AND link.context_type = $2 AND link.context_id = $3
