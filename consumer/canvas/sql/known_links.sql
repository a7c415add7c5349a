-- The links of some outcomes in a context, and whether each was deleted with its outcome, which no event says. The versions have
-- the index by context.
SELECT link.*, outcomes_internal.outcome_deleted_since(link.root_account_uuid, link.learning_outcome_id, link.event_time) AS deleted_with_outcome
  FROM learning_outcome_link AS link
 WHERE link.root_account_uuid = $1
   AND link.id IN (SELECT version.id FROM learning_outcome_link_version AS version
                    WHERE version.root_account_uuid = $1 AND version.context_type = $2 AND version.context_id = $3
                      AND version.learning_outcome_id = ANY ($4::bigint[]))
   AND link.context_type = $2 AND link.context_id = $3
