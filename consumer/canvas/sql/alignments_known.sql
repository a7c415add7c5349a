-- The alignments of a course: REST's newest state, and the newest active result that implies the alignment.
WITH implied AS (
    SELECT result.learning_outcome_id, result.associated_asset_id AS asset_id, max(result.event_time) AS newest_result
      FROM learning_outcome_result AS result
     WHERE result.root_account_uuid = $1 AND result.result_context_id = $2 AND result.result_context_type = 'Course'
       AND result.workflow_state = 'active' AND result.associated_asset_type = 'Assignment'
       AND result.associated_asset_id IS NOT NULL
     GROUP BY 1, 2
), stored AS (
    SELECT learning_outcome_id, asset_type, asset_id, workflow_state, title, submission_types, url, event_time
      FROM outcome_alignment_at($1, $2, NULL)
)
SELECT coalesce(stored.learning_outcome_id, implied.learning_outcome_id) AS learning_outcome_id,
       coalesce(stored.asset_type, 'Assignment') AS asset_type,
       coalesce(stored.asset_id, implied.asset_id) AS asset_id,
       stored.workflow_state, stored.title, stored.submission_types, stored.url, stored.event_time,
       implied.newest_result
  FROM stored
  FULL JOIN implied
    ON stored.asset_type = 'Assignment' AND implied.learning_outcome_id = stored.learning_outcome_id
   AND implied.asset_id = stored.asset_id
 ORDER BY 1, 2, 3
