CREATE OR REPLACE VIEW outcomes.outcome_path AS
SELECT link.root_account_uuid, link.context_type, link.context_id, link.learning_outcome_id, link.id AS learning_outcome_link_id,
       link.learning_outcome_group_id, array_remove(above.titles || outcome.title, NULL) AS titles,
       array_to_string(above.titles || outcome.title, ' > ') AS path
  FROM outcomes.learning_outcome_link link
  LEFT JOIN outcomes.learning_outcome outcome
         ON outcome.root_account_uuid = link.root_account_uuid AND outcome.id = link.learning_outcome_id
 CROSS JOIN LATERAL (
        WITH RECURSIVE up AS (
            SELECT g.parent_outcome_group_id AS next, ARRAY[g.title] AS titles, ARRAY[g.id] AS visited
              FROM outcomes.learning_outcome_group g
             WHERE g.root_account_uuid = link.root_account_uuid AND g.id = link.learning_outcome_group_id
             UNION ALL
            SELECT g.parent_outcome_group_id, g.title || up.titles, up.visited || g.id
              FROM up
              JOIN outcomes.learning_outcome_group g ON g.root_account_uuid = link.root_account_uuid AND g.id = up.next
             WHERE g.id <> ALL (up.visited)
        )
        SELECT coalesce((SELECT up.titles FROM up ORDER BY cardinality(up.visited) DESC LIMIT 1), '{}')) above (titles)
 WHERE link.workflow_state IS DISTINCT FROM 'deleted' AND outcome.workflow_state IS DISTINCT FROM 'deleted'
   AND NOT EXISTS (SELECT
                     FROM outcomes.learning_outcome_group g
                    WHERE g.root_account_uuid = link.root_account_uuid AND g.id = link.learning_outcome_group_id
                      AND g.workflow_state = 'deleted')
   AND NOT outcomes_internal.outcome_deleted_since(link.root_account_uuid, link.learning_outcome_id, link.event_time);
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
    'Titles of the groups from the top, then of the outcome. The top group is named after its context. What no event has told of is '
    'left out; groups that hold each other end where they would begin again.';
COMMENT ON COLUMN outcomes.outcome_path.path IS 'The same as one text: group > group > outcome.';
GRANT SELECT ON outcomes.outcome_path TO outcomes_writer, outcomes_reader;
