-- Results of a course that are active here, and that Canvas did not show in a list that began then: of outcomes that are linked
-- there ($6, others it never shows), without those whose alignment is gone ($7, $8), which is a matter of its own, and without those
-- that have no score: they count nowhere, and that they are not shown need not mean that they are gone.
SELECT held.*, kept.members
  FROM learning_outcome_result AS held
  LEFT JOIN unknown_value AS kept
    ON kept.table_name = 'learning_outcome_result'
   AND (kept.root_account_uuid, kept.id, kept.event_time, kept.version_hash)
     = (held.root_account_uuid, held.id, held.event_time, held.version_hash)
 WHERE held.root_account_uuid = $1 AND held.result_context_type = $2 AND held.result_context_id = $3
   AND held.workflow_state = 'active' AND held.score IS NOT NULL AND held.event_time <= $4
   AND held.learning_outcome_id = ANY ($6::bigint[])
   AND NOT EXISTS (SELECT FROM unnest($5::bigint[]) AS shown (id) WHERE shown.id = held.id)
   AND NOT EXISTS (SELECT FROM unnest($7::bigint[], $8::bigint[]) AS gone (learning_outcome_id, assignment_id)
                    WHERE held.associated_asset_type = 'Assignment' AND gone.assignment_id = held.associated_asset_id
                      AND gone.learning_outcome_id = held.learning_outcome_id)
 ORDER BY held.id
