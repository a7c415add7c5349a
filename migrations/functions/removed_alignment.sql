CREATE OR REPLACE FUNCTION outcomes_internal.removed_alignment(tenant text, course_id bigint, at timestamptz, known_at timestamptz)
RETURNS TABLE (learning_outcome_id bigint, assignment_id bigint, removed_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10 AS $$
    SELECT a.learning_outcome_id, a.asset_id, a.event_time
      FROM outcomes.outcome_alignment_at(tenant, course_id, at, known_at) a
     WHERE a.workflow_state = 'deleted' AND a.asset_type = 'Assignment'
$$;
COMMENT ON FUNCTION outcomes_internal.removed_alignment IS
    'Outcomes that REST told to be on assignments no more: results of these that were told by then are shown and counted no more.';
