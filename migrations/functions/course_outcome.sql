-- Canvas' gradebook has the outcomes that are linked in the course. Events of links can be missing: a result proves its outcome as long as
-- no link of it was told.
CREATE OR REPLACE FUNCTION outcomes_internal.course_outcome(tenant text, course_id bigint, at timestamptz, known_at timestamptz)
RETURNS TABLE (learning_outcome_id bigint, hidden text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20 SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
    course CONSTANT bigint := course_id;
    until CONSTANT timestamptz := coalesce(at, 'infinity');
    recorded CONSTANT timestamptz := coalesce(known_at, 'infinity');
    assessed bigint[];
BEGIN
    IF course IS NULL THEN
        assessed := ARRAY(
            SELECT DISTINCT v.learning_outcome_id
              FROM outcomes.learning_outcome_result_version v
             WHERE v.root_account_uuid = tenant AND outcomes_internal.course_of(v.result_context_type, v.result_context_id) IS NULL
               AND v.event_time <= until AND v.recorded_at <= recorded);
    ELSIF at IS NULL AND known_at IS NULL THEN
        assessed := ARRAY(
            SELECT DISTINCT r.learning_outcome_id
              FROM outcomes.learning_outcome_result r
             WHERE r.root_account_uuid = tenant AND r.result_context_id = course
               AND coalesce(r.result_context_type, 'Course') = 'Course');
    ELSE
        assessed := ARRAY(
            SELECT DISTINCT v.learning_outcome_id
              FROM outcomes.learning_outcome_result_version v
             WHERE v.root_account_uuid = tenant AND v.result_context_id = course
               AND coalesce(v.result_context_type, 'Course') = 'Course' AND v.event_time <= until AND v.recorded_at <= recorded);
    END IF;
    RETURN QUERY
    SELECT coalesce(link.learning_outcome_id, a.id),
           CASE WHEN o.workflow_state = 'deleted' THEN 'deleted' WHEN NOT link.shown THEN 'unlinked' END
      FROM unnest(assessed) a (id)
      FULL JOIN outcomes_internal.course_outcome_link(tenant, course, NULL, at, known_at) link ON link.learning_outcome_id = a.id
      LEFT JOIN LATERAL outcomes.learning_outcome_at(tenant, coalesce(link.learning_outcome_id, a.id), at, known_at) o ON true
     WHERE coalesce(link.learning_outcome_id, a.id) IS NOT NULL;
END
$$;
COMMENT ON FUNCTION outcomes_internal.course_outcome IS
    'The outcomes that links ever placed in a course (null: unknown) or that its results are of, at a moment. hidden: why Canvas'' '
    'gradebook has no column for it, deleted or unlinked; null: it has one.';
