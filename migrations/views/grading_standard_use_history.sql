CREATE OR REPLACE VIEW outcomes.grading_standard_use_history AS
SELECT root_account_uuid, context_type, context_id, valid_from,
       lead(valid_from) OVER (PARTITION BY root_account_uuid, context_type, context_id ORDER BY valid_from) AS valid_to,
       grading_standard_id, recorded_at
  FROM (SELECT latest.*,
               ROW(true, grading_standard_id) IS NOT DISTINCT FROM lag(ROW(true, grading_standard_id))
               OVER (PARTITION BY root_account_uuid, context_type, context_id ORDER BY valid_from) AS says_nothing_new
          FROM (SELECT DISTINCT ON (root_account_uuid, context_type, context_id, valid_from) *
                  FROM outcomes.grading_standard_use
                 ORDER BY root_account_uuid, context_type, context_id, valid_from, recorded_at DESC) AS latest) AS used
 WHERE NOT says_nothing_new;
COMMENT ON VIEW outcomes.grading_standard_use_history IS
    'Which grading standard each context uses, as periods [valid_from, valid_to). Neighbours that say the same are one.';
SELECT outcomes_internal.copy_column_comments('outcomes.grading_standard_use', 'outcomes.grading_standard_use_history');
COMMENT ON COLUMN outcomes.grading_standard_use_history.valid_from IS 'Start of the period.';
COMMENT ON COLUMN outcomes.grading_standard_use_history.valid_to IS
    'End of the period: when something else began to hold; null for the newest.';
GRANT SELECT ON outcomes.grading_standard_use_history TO outcomes_writer, outcomes_reader;
