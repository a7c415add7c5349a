CREATE OR REPLACE VIEW outcomes.grading_standard_history AS
SELECT root_account_uuid, id, valid_from,
       lead(valid_from) OVER (PARTITION BY root_account_uuid, id ORDER BY valid_from) AS valid_to,
       title, context_type, context_id, workflow_state, points_based, scaling_factor, data_version, grading_scheme, imported_at
  FROM (SELECT latest.*,
               ROW(true, title, context_type, context_id, workflow_state, points_based, scaling_factor, grading_scheme)
               IS NOT DISTINCT FROM
               lag(ROW(true, title, context_type, context_id, workflow_state, points_based, scaling_factor, grading_scheme))
               OVER (PARTITION BY root_account_uuid, id ORDER BY valid_from) AS says_nothing_new
          FROM (SELECT DISTINCT ON (root_account_uuid, id, valid_from) *
                  FROM outcomes.grading_standard_version
                 ORDER BY root_account_uuid, id, valid_from, imported_at DESC) AS latest) AS state
 WHERE NOT says_nothing_new;
COMMENT ON VIEW outcomes.grading_standard_history IS
    'The states of each grading standard as periods [valid_from, valid_to). Neighbours that say the same are one.';
SELECT outcomes_internal.copy_column_comments('outcomes.grading_standard_version', 'outcomes.grading_standard_history');
COMMENT ON COLUMN outcomes.grading_standard_history.valid_from IS 'Start of the period.';
COMMENT ON COLUMN outcomes.grading_standard_history.valid_to IS
    'End of the period: when something else began to hold; null for the newest.';
GRANT SELECT ON outcomes.grading_standard_history TO outcomes_writer, outcomes_reader;
