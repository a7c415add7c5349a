-- The newest row of a context counts, whatever its state: a scale from the feed, deleted or not, replaces the one that REST told under a
-- negative id.
CREATE OR REPLACE FUNCTION outcomes.mastery_setting(
    tenant text, context_type text, context_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (account_level boolean, outcome_proficiency_id bigint, scale_owner_type text, scale_owner_id bigint, scale_since timestamptz,
               outcome_proficiency_ratings jsonb, outcome_calculation_method_id bigint, method_owner_type text, method_owner_id bigint,
               method_since timestamptz, calculation_method text, calculation_int integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    owner record;
    scale record;
    method record;
BEGIN
    account_level := outcomes.account_level_scales(tenant, at, known_at);
    IF account_level THEN
        FOR owner IN SELECT * FROM outcomes_internal.account_chain(tenant, context_type, context_id, at, known_at) LOOP
            IF outcome_proficiency_id IS NULL THEN
                SELECT s.* INTO scale
                  FROM (SELECT DISTINCT v.id FROM outcomes.outcome_proficiency_version v
                         WHERE v.root_account_uuid = tenant AND v.context_type = owner.owner_type AND v.context_id = owner.owner_id) seen
                 CROSS JOIN LATERAL outcomes.outcome_proficiency_at(tenant, seen.id, at, known_at) s
                 WHERE s.context_type = owner.owner_type AND s.context_id = owner.owner_id
                 ORDER BY s.event_time DESC, s.event_name DESC, s.updated_at DESC NULLS LAST, s.version_hash DESC
                 LIMIT 1;
                IF FOUND AND scale.workflow_state = 'active' THEN
                    outcome_proficiency_id := scale.id;
                    scale_owner_type := owner.owner_type;
                    scale_owner_id := owner.owner_id;
                    scale_since := scale.event_time;
                    outcome_proficiency_ratings := scale.outcome_proficiency_ratings;
                END IF;
            END IF;
            IF outcome_calculation_method_id IS NULL THEN
                SELECT m.* INTO method
                  FROM (SELECT DISTINCT v.id FROM outcomes.outcome_calculation_method_version v
                         WHERE v.root_account_uuid = tenant AND v.context_type = owner.owner_type AND v.context_id = owner.owner_id) seen
                 CROSS JOIN LATERAL outcomes.outcome_calculation_method_at(tenant, seen.id, at, known_at) m
                 WHERE m.context_type = owner.owner_type AND m.context_id = owner.owner_id
                 ORDER BY m.event_time DESC, m.event_name DESC, m.updated_at DESC NULLS LAST, m.version_hash DESC
                 LIMIT 1;
                IF FOUND AND method.workflow_state = 'active' THEN
                    outcome_calculation_method_id := method.id;
                    method_owner_type := owner.owner_type;
                    method_owner_id := owner.owner_id;
                    method_since := method.event_time;
                    calculation_method := method.calculation_method;
                    calculation_int := method.calculation_int;
                END IF;
            END IF;
            EXIT WHEN outcome_proficiency_id IS NOT NULL AND outcome_calculation_method_id IS NOT NULL;
        END LOOP;
    END IF;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION outcomes.mastery_setting IS
    'Which account-level scale and, independently, which calculation method apply to a course or account: the nearest active ones.'
    ' Nulls where the outcome''s own count.';
