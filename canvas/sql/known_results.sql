-- The same of results, with the time of submission that rollups take: REST tells one time and not which.
SELECT result.*, assessment.submitted_at
  FROM learning_outcome_result AS result
  LEFT JOIN rubric_assessment AS assessment
    ON assessment.root_account_uuid = result.root_account_uuid AND assessment.id = result.artifact_id
   AND result.artifact_type = 'RubricAssessment'
 WHERE result.root_account_uuid = $1 AND result.id = ANY ($2::bigint[])
