-- A context has its scale also while Canvas computes without account-level scales.
CREATE OR REPLACE FUNCTION outcomes_internal.resolved_outcome_proficiency(
    tenant text, context_type text, context_id bigint, at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (outcome_proficiency_id bigint, scale_owner_type text, scale_owner_id bigint, outcome_proficiency_ratings jsonb)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT owned.id, above.owner_type, above.owner_id, owned.outcome_proficiency_ratings
      FROM outcomes_internal.account_chain(tenant, context_type, context_id, at, known_at) above
     CROSS JOIN LATERAL (
            SELECT s.*
              FROM (SELECT DISTINCT v.id FROM outcomes.outcome_proficiency_version v
                     WHERE v.root_account_uuid = tenant AND v.context_type = above.owner_type AND v.context_id = above.owner_id) seen
             CROSS JOIN LATERAL outcomes.outcome_proficiency_at(tenant, seen.id, at, known_at) s
             WHERE s.context_type = above.owner_type AND s.context_id = above.owner_id
             ORDER BY s.event_time DESC, s.event_name DESC, s.updated_at DESC NULLS LAST, s.version_hash DESC
             LIMIT 1) owned
     WHERE owned.workflow_state = 'active'
     ORDER BY above.distance
     LIMIT 1
$$;
COMMENT ON FUNCTION outcomes_internal.resolved_outcome_proficiency IS
    'The nearest active mastery scale of a course or account, as Canvas shows it: also while account-level scales are off.';
