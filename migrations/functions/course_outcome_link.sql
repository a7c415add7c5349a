CREATE OR REPLACE FUNCTION outcomes_internal.course_outcome_link(
    tenant text, course_id bigint, outcome_id bigint, at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (learning_outcome_id bigint, shown boolean) LANGUAGE sql STABLE PARALLEL SAFE ROWS 20 AS $$
    SELECT l.learning_outcome_id,
           bool_or(l.workflow_state IS DISTINCT FROM 'deleted'
                   AND NOT outcomes_internal.outcome_deleted_since(tenant, l.learning_outcome_id, l.event_time, at, known_at))
      FROM (SELECT DISTINCT v.id FROM outcomes.learning_outcome_link_version v
             WHERE v.root_account_uuid = tenant AND v.context_type = 'Course' AND v.context_id = course_id
               AND (outcome_id IS NULL OR v.learning_outcome_id = outcome_id)) seen
     CROSS JOIN LATERAL outcomes.learning_outcome_link_at(tenant, seen.id, at, known_at) l
     WHERE l.context_type = 'Course' AND l.context_id = course_id
     GROUP BY l.learning_outcome_id
$$;
COMMENT ON FUNCTION outcomes_internal.course_outcome_link IS
    'The outcomes (or that one) that any link has placed in a course, and whether one of these is left; at null is now.';
