-- Active links of a context that Canvas did not show in a list that began at $4. Canvas shows no links of an inactive outcome, so
-- those are no difference.
SELECT held.*
  FROM learning_outcome_link AS held
  LEFT JOIN learning_outcome AS outcome
    ON outcome.root_account_uuid = held.root_account_uuid AND outcome.id = held.learning_outcome_id
 WHERE held.root_account_uuid = $1
   AND held.id IN (SELECT version.id FROM learning_outcome_link_version AS version
                    WHERE version.root_account_uuid = $1 AND version.context_type = $2 AND version.context_id = $3)
   AND held.context_type = $2 AND held.context_id = $3 AND held.workflow_state = 'active' AND held.event_time <= $4
   AND coalesce(outcome.workflow_state, 'active') = 'active'
   AND NOT outcomes_internal.outcome_deleted_since(held.root_account_uuid, held.learning_outcome_id, held.event_time)
   AND NOT EXISTS (SELECT FROM unnest($5::bigint[]) AS shown (id) WHERE shown.id = held.id)
 ORDER BY held.id
