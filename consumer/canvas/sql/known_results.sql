-- The newest versions of some results, with the submission time that rollups use: REST shows one time and does not say which.
SELECT result.*, assessment.submitted_at, kept.members
  FROM learning_outcome_result AS result
  LEFT JOIN rubric_assessment AS assessment
    ON assessment.root_account_uuid = result.root_account_uuid AND assessment.id = result.artifact_id
   AND result.artifact_type = 'RubricAssessment'
  LEFT JOIN unknown_value AS kept
    ON kept.table_name = 'learning_outcome_result'
   AND (kept.root_account_uuid, kept.id, kept.event_time, kept.version_hash)
     = (result.root_account_uuid, result.id, result.event_time, result.version_hash)
 WHERE result.root_account_uuid = $1 AND result.id = ANY ($2::bigint[])
