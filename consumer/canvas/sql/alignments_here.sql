-- What measures which outcome in a course, as REST told it before, or as active results imply; and since when each counts again.
WITH implied AS (
    SELECT result.learning_outcome_id, result.associated_asset_id AS asset_id, max(result.event_time) AS newest_result
      FROM learning_outcome_result AS result
     WHERE result.root_account_uuid = $1 AND result.result_context_id = $2 AND result.result_context_type = 'Course'
       AND result.workflow_state = 'active' AND result.associated_asset_type = 'Assignment'
       AND result.associated_asset_id IS NOT NULL
     GROUP BY 1, 2
), told AS (
    SELECT learning_outcome_id, asset_type, asset_id, workflow_state, title, submission_types, url, event_time
      FROM outcome_alignment_at($1, $2, NULL)
)
SELECT coalesce(told.learning_outcome_id, implied.learning_outcome_id) AS learning_outcome_id,
       coalesce(told.asset_type, 'Assignment') AS asset_type,
       coalesce(told.asset_id, implied.asset_id) AS asset_id,
       told.workflow_state, told.title, told.submission_types, told.url, told.event_time,
       implied.newest_result
  FROM told
  FULL JOIN implied
    ON told.asset_type = 'Assignment' AND implied.learning_outcome_id = told.learning_outcome_id
   AND implied.asset_id = told.asset_id
 ORDER BY 1, 2, 3
