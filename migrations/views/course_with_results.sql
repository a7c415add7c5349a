CREATE OR REPLACE VIEW outcomes.course_with_results AS
SELECT DISTINCT known.root_account_uuid, known.result_context_id AS course_id
  FROM outcomes.learning_outcome_result known
 WHERE known.result_context_id IS NOT NULL
 UNION ALL
SELECT DISTINCT unknown.root_account_uuid, NULL::bigint
  FROM outcomes.learning_outcome_result unknown
 WHERE outcomes_internal.course_of(unknown.result_context_type, unknown.result_context_id) IS NULL;
COMMENT ON VIEW outcomes.course_with_results IS 'Courses that results are known of; null for results whose course is unknown.';
COMMENT ON COLUMN outcomes.course_with_results.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.course_with_results.course_id IS 'Local id of the course.';
GRANT SELECT ON outcomes.course_with_results TO outcomes_writer, outcomes_reader;
