CREATE OR REPLACE VIEW outcomes.outcome_alignment_history AS
SELECT root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, event_time AS valid_from,
       lead(event_time) OVER (PARTITION BY root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id
                              ORDER BY event_time) AS valid_to,
       workflow_state, title, submission_types, url, recorded_at, source
  FROM outcomes.outcome_alignment_version;
COMMENT ON VIEW outcomes.outcome_alignment_history IS 'The states of each alignment as periods [valid_from, valid_to).';
SELECT outcomes_internal.copy_column_comments('outcomes.outcome_alignment_version', 'outcomes.outcome_alignment_history');
COMMENT ON COLUMN outcomes.outcome_alignment_history.valid_from IS 'Start of the period: when the request began that told it.';
COMMENT ON COLUMN outcomes.outcome_alignment_history.valid_to IS 'End of the period; null for the newest.';
GRANT SELECT ON outcomes.outcome_alignment_history TO outcomes_writer, outcomes_reader;
