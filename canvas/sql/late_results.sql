-- The same of results, with the time of submission that rollups take.
SELECT version.*, assessment.submitted_at
  FROM learning_outcome_result AS held
 CROSS JOIN LATERAL (
        SELECT told.*
          FROM learning_outcome_result_version AS told
         WHERE told.root_account_uuid = held.root_account_uuid AND told.id = held.id AND told.event_name <> held.event_name
         ORDER BY told.event_time DESC, told.event_name DESC, told.updated_at DESC NULLS LAST, told.version_hash DESC
         LIMIT 1) AS version
  LEFT JOIN rubric_assessment AS assessment
    ON assessment.root_account_uuid = version.root_account_uuid AND assessment.id = version.artifact_id
   AND version.artifact_type = 'RubricAssessment'
 WHERE held.root_account_uuid = $1 AND held.id = ANY ($2::bigint[]) AND held.event_name = 'learning_outcome_result_backfilled'
   AND version.recorded_at > held.event_time - $3::interval
