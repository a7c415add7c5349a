CREATE OR REPLACE FUNCTION outcomes.outcome_rollup_at(
    tenant text, course_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL, scale_at timestamptz DEFAULT NULL)
RETURNS SETOF outcomes.outcome_rollup LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT $1, $2, r.user_uuid, r.learning_outcome_id, r.score, r.mastery, r.rating, r.color,
           r.calculation_method, r.calculation_int, r.points_possible, r.mastery_points, r.results, r.last_assessed_at,
           r.level, r.level_points, r.outcome_proficiency_id
      FROM outcomes_internal.rollup_of($1, $2, $3, $4, $5) r
     WHERE (SELECT outcomes_internal.known_tenant($1))
$$;
COMMENT ON FUNCTION outcomes.outcome_rollup_at IS
    'outcome_rollup of one course as it was at a moment; known_at: from what had been recorded by then. at null is now. scale_at: '
    'judged by the scale and method of another moment, so that two dates can be compared; an outcome that was not known then keeps '
    'its own. null is at.';
