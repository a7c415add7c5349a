CREATE OR REPLACE FUNCTION outcomes_internal.outcome_deleted_since(
    tenant text, outcome_id bigint, since timestamptz, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT EXISTS (SELECT FROM outcomes.learning_outcome_version v
                    WHERE v.root_account_uuid = tenant AND v.id = outcome_id AND v.workflow_state = 'deleted' AND v.event_time > since
                      AND v.event_time <= coalesce(at, 'infinity') AND v.recorded_at <= coalesce(known_at, 'infinity'))
$$;
COMMENT ON FUNCTION outcomes_internal.outcome_deleted_since IS
    'Whether an outcome was deleted after a moment: links that are older went with it, of which Canvas sends no event, and do not '
    'come back.';
