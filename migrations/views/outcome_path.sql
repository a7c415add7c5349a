CREATE OR REPLACE VIEW outcomes.outcome_path AS
SELECT link.root_account_uuid, link.context_type, link.context_id, link.learning_outcome_id, link.id AS learning_outcome_link_id,
       link.learning_outcome_group_id, p.titles, array_to_string(p.titles, ' > ') AS path
  FROM outcomes.learning_outcome_link link
 CROSS JOIN LATERAL outcomes_internal.outcome_path_of(link.root_account_uuid, link.id, NULL, NULL) p;
COMMENT ON VIEW outcomes.outcome_path IS
    'Where outcomes are now: a row for each group of a course or account that holds one. What was deleted is left out.';
COMMENT ON COLUMN outcomes.outcome_path.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.outcome_path.context_type IS
    'Whose group it is: Account, Course, or LearningOutcomeGroup for a global one.';
COMMENT ON COLUMN outcomes.outcome_path.context_id IS 'Local id of that context.';
COMMENT ON COLUMN outcomes.outcome_path.learning_outcome_id IS 'The outcome.';
COMMENT ON COLUMN outcomes.outcome_path.learning_outcome_link_id IS 'The link by which the group holds it.';
COMMENT ON COLUMN outcomes.outcome_path.learning_outcome_group_id IS 'The group that holds it.';
COMMENT ON COLUMN outcomes.outcome_path.titles IS
    'Titles of the groups from below the root group of the context, then of the outcome, as Canvas shows paths '
    '(lib/api/v1/outcome_results.rb). What no event has told of is left out; groups that hold each other end where they would begin '
    'again.';
COMMENT ON COLUMN outcomes.outcome_path.path IS 'The same as one text: group > group > outcome.';
GRANT SELECT ON outcomes.outcome_path TO outcomes_writer, outcomes_reader;
