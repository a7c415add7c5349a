-- A grading standard that a course or account owns, unless deleted; and whether anything has ever used it for grading.
SELECT s.*,
       EXISTS (SELECT
                 FROM grading_standard_use AS usage
                WHERE usage.root_account_uuid = $1 AND usage.grading_standard_id = s.id) AS used
  FROM grading_standard AS s
 WHERE s.root_account_uuid = $1 AND s.id = $2 AND s.context_type = $3 AND s.context_id = $4 AND s.workflow_state <> 'deleted'
