CREATE OR REPLACE VIEW outcomes.course_outcome_summary AS
SELECT c.root_account_uuid, c.course_id, s.learning_outcome_id, s.mean, s.median, s.students, s.assessed, s.mastered, s.levels
  FROM outcomes.course_with_results c
 CROSS JOIN LATERAL outcomes.course_outcome_summary_of(c.root_account_uuid, c.course_id, NULL, NULL) s;
COMMENT ON VIEW outcomes.course_outcome_summary IS 'Each outcome of a course over its students, as Canvas sums it up now.';
COMMENT ON COLUMN outcomes.course_outcome_summary.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.course_outcome_summary.course_id IS 'Local id of the course; null for results whose course is unknown.';
COMMENT ON COLUMN outcomes.course_outcome_summary.learning_outcome_id IS 'The outcome.';
COMMENT ON COLUMN outcomes.course_outcome_summary.mean IS 'Mean of the students'' scores, rounded to 2 decimals.';
COMMENT ON COLUMN outcomes.course_outcome_summary.median IS 'Median of the students'' scores, not rounded.';
COMMENT ON COLUMN outcomes.course_outcome_summary.students IS 'Students of the course with a score for any outcome.';
COMMENT ON COLUMN outcomes.course_outcome_summary.assessed IS 'Students with a score for this outcome.';
COMMENT ON COLUMN outcomes.course_outcome_summary.mastered IS 'Students whose score is mastery.';
COMMENT ON COLUMN outcomes.course_outcome_summary.levels IS
    'Levels of the scale, highest first: description, color, points, mastery, count of students, percent of those assessed (whole;'
    ' need not sum to 100).';
GRANT SELECT ON outcomes.course_outcome_summary TO outcomes_writer, outcomes_reader;
