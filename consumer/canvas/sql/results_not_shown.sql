-- Active results of a course that Canvas did not show in a list that began at $4. Excluded: outcomes that are not linked there
-- ($6), which Canvas never shows; results of removed alignments ($7, $8); and results without a score, which count nowhere.
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
   AND NOT EXISTS (SELECT FROM unnest($7::bigint[], $8::bigint[]) AS removed (learning_outcome_id, assignment_id)
                    WHERE held.associated_asset_type = 'Assignment' AND removed.assignment_id = held.associated_asset_id
                      AND removed.learning_outcome_id = held.learning_outcome_id)
 ORDER BY held.id
