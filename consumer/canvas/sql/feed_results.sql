-- The feed's versions of some results, newest first, with the submission time that rollups use.
SELECT version.*, assessment.submitted_at, kept.members
  FROM learning_outcome_result_version AS version
  LEFT JOIN rubric_assessment AS assessment
    ON assessment.root_account_uuid = version.root_account_uuid AND assessment.id = version.artifact_id
   AND version.artifact_type = 'RubricAssessment'
  LEFT JOIN unknown_value AS kept
    ON kept.table_name = 'learning_outcome_result'
   AND (kept.root_account_uuid, kept.id, kept.event_time, kept.version_hash)
     = (version.root_account_uuid, version.id, version.event_time, version.version_hash)
 WHERE version.root_account_uuid = $1 AND version.id = ANY ($2::bigint[]) AND version.event_name <> 'learning_outcome_result_backfilled'
 ORDER BY version.id, version.event_time DESC, version.event_name DESC, version.updated_at DESC NULLS LAST, version.version_hash DESC
