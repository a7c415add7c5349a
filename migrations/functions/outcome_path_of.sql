CREATE OR REPLACE FUNCTION outcomes_internal.outcome_path_of(tenant text, link_id bigint, at timestamptz, known_at timestamptz)
RETURNS TABLE (context_type text, context_id bigint, learning_outcome_id bigint, learning_outcome_group_id bigint, titles text[])
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1 AS $$
DECLARE
    link record;
    outcome record;
    above record;
    next bigint;
    visited bigint[] := '{}';
BEGIN
    SELECT l.* INTO link FROM outcomes.learning_outcome_link_at(tenant, link_id, at, known_at) l;
    SELECT o.title, o.workflow_state INTO outcome FROM outcomes.learning_outcome_at(tenant, link.learning_outcome_id, at, known_at) o;
    IF link.id IS NULL OR link.workflow_state = 'deleted' OR outcome.workflow_state = 'deleted'
       OR outcomes_internal.outcome_deleted_since(tenant, link.learning_outcome_id, link.event_time, at, known_at) THEN
        RETURN;
    END IF;
    titles := array_remove(ARRAY[outcome.title], NULL);
    next := link.learning_outcome_group_id;
    WHILE next IS NOT NULL AND next <> ALL (visited) LOOP
        SELECT g.title, g.workflow_state, g.parent_outcome_group_id AS parent_id INTO above
          FROM outcomes.learning_outcome_group_at(tenant, next, at, known_at) g;
        IF visited = '{}' AND above.workflow_state = 'deleted' THEN
            RETURN;
        END IF;
        EXIT WHEN above.parent_id IS NULL; -- the root, or a group of which nothing was told
        titles := array_remove(ARRAY[above.title], NULL) || titles;
        visited := visited || next;
        next := above.parent_id;
    END LOOP;
    context_type := link.context_type;
    context_id := link.context_id;
    learning_outcome_id := link.learning_outcome_id;
    learning_outcome_group_id := link.learning_outcome_group_id;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION outcomes_internal.outcome_path_of IS
    'Where a link places an outcome at a moment, as outcome_path tells it; no row for what was deleted. The view and outcome_path_at '
    'stand on it.';
