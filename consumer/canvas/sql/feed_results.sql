-- The same of results, with the time of submission that rollups take.
SELECT told.*, assessment.submitted_at, kept.members
  FROM learning_outcome_result_version AS told
  LEFT JOIN rubric_assessment AS assessment
    ON assessment.root_account_uuid = told.root_account_uuid AND assessment.id = told.artifact_id
   AND told.artifact_type = 'RubricAssessment'
  LEFT JOIN unknown_value AS kept
    ON kept.table_name = 'learning_outcome_result'
   AND (kept.root_account_uuid, kept.id, kept.event_time, kept.version_hash)
     = (told.root_account_uuid, told.id, told.event_time, told.version_hash)
 WHERE told.root_account_uuid = $1 AND told.id = ANY ($2::bigint[]) AND told.event_name <> 'learning_outcome_result_backfilled'
 ORDER BY told.id, told.event_time DESC, told.event_name DESC, told.updated_at DESC NULLS LAST, told.version_hash DESC
