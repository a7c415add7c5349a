CREATE OR REPLACE VIEW outcomes.outcome_rollup AS
SELECT c.root_account_uuid, c.course_id, r.user_uuid, r.learning_outcome_id, r.score, r.mastery, r.rating, r.color,
       r.calculation_method, r.calculation_int, r.points_possible, r.mastery_points, r.results, r.last_assessed_at,
       r.level, r.level_points, r.outcome_proficiency_id
  FROM outcomes.course_with_results c
 CROSS JOIN LATERAL outcomes_internal.rollup_of(c.root_account_uuid, c.course_id, NULL, NULL, NULL) r;
COMMENT ON VIEW outcomes.outcome_rollup IS
    'One student''s score for one outcome in one course, as Canvas computes it now; no row where there is no score. Ask for a '
    'course, or for all: a question for one student still computes every course.';
COMMENT ON COLUMN outcomes.outcome_rollup.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.outcome_rollup.course_id IS 'Local id of the course; null for results whose course is unknown.';
COMMENT ON COLUMN outcomes.outcome_rollup.user_uuid IS 'The student.';
COMMENT ON COLUMN outcomes.outcome_rollup.learning_outcome_id IS 'The outcome.';
COMMENT ON COLUMN outcomes.outcome_rollup.score IS 'Rollup score, rounded once to 2 decimals.';
COMMENT ON COLUMN outcomes.outcome_rollup.mastery IS 'Whether the score reaches mastery_points; null where no threshold is known.';
COMMENT ON COLUMN outcomes.outcome_rollup.rating IS 'Name of the level that the score is in; null below the lowest.';
COMMENT ON COLUMN outcomes.outcome_rollup.color IS
    'Colour of that level, six hex digits without #; an outcome''s own ratings have none.';
COMMENT ON COLUMN outcomes.outcome_rollup.calculation_method IS
    'The method that was used, by Canvas'' stored name: decaying_average is the weighted formula.';
COMMENT ON COLUMN outcomes.outcome_rollup.calculation_int IS 'Its number as it was used; null for highest, latest and average.';
COMMENT ON COLUMN outcomes.outcome_rollup.points_possible IS 'Points of the highest level of the scale that was used.';
COMMENT ON COLUMN outcomes.outcome_rollup.mastery_points IS 'Points from which mastery counts.';
COMMENT ON COLUMN outcomes.outcome_rollup.results IS 'How many results went in.';
COMMENT ON COLUMN outcomes.outcome_rollup.last_assessed_at IS 'Newest assessed_at of them.';
COMMENT ON COLUMN outcomes.outcome_rollup.level IS
    'Place of the rating among those of its scale, 1 is the lowest; 0 below all. mastery_scale counts from the highest.';
COMMENT ON COLUMN outcomes.outcome_rollup.level_points IS 'Points from which a score is in this level; null below the lowest.';
COMMENT ON COLUMN outcomes.outcome_rollup.outcome_proficiency_id IS
    'The account-level scale that was used; null where the outcome''s own criterion was.';
GRANT SELECT ON outcomes.outcome_rollup TO outcomes_writer, outcomes_reader;
