-- Active groups of a context that Canvas did not show in a list that began at $4.
SELECT held.*
  FROM learning_outcome_group AS held
 WHERE held.root_account_uuid = $1
   AND held.id IN (SELECT version.id FROM learning_outcome_group_version AS version
                    WHERE version.root_account_uuid = $1 AND version.context_type = $2 AND version.context_id = $3)
   AND held.context_type = $2 AND held.context_id = $3 AND held.workflow_state = 'active' AND held.event_time <= $4
   AND NOT EXISTS (SELECT FROM unnest($5::bigint[]) AS shown (id) WHERE shown.id = held.id)
 ORDER BY held.id
