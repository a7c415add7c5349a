CREATE OR REPLACE VIEW outcomes.outcome_alignment AS
SELECT DISTINCT ON (root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id)
       root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, workflow_state, title, submission_types, url, event_time
  FROM outcomes.outcome_alignment_version
 ORDER BY root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, event_time DESC;
COMMENT ON VIEW outcomes.outcome_alignment IS 'The newest state of each alignment that REST told.';
SELECT outcomes_internal.copy_column_comments('outcomes.outcome_alignment_version', 'outcomes.outcome_alignment');
GRANT SELECT ON outcomes.outcome_alignment TO outcomes_writer, outcomes_reader;
