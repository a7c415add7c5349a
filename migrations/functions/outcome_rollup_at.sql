CREATE OR REPLACE FUNCTION outcomes.outcome_rollup_at(
    root_account_uuid text, course_id bigint, at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS SETOF outcomes.outcome_rollup LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT $1, $2, r.user_uuid, r.learning_outcome_id, r.score, r.mastery, r.rating, r.color,
           r.calculation_method, r.calculation_int, r.points_possible, r.mastery_points, r.results, r.last_assessed_at
      FROM outcomes_internal.rollup_of($1, $2, $3, $4) r
$$;
COMMENT ON FUNCTION outcomes.outcome_rollup_at IS
    'outcome_rollup of one course as it was at a moment; known_at: from what had been recorded by then. at null is now.';
