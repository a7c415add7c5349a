CREATE OR REPLACE FUNCTION outcomes.account_level_scales(tenant text, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE (SELECT s.value FROM outcomes.tenant_setting s
                  WHERE s.root_account_uuid = tenant AND s.name = 'account_level_mastery_scales')
           WHEN 'on' THEN true
           WHEN 'off' THEN false
           ELSE EXISTS (SELECT FROM outcomes.outcome_proficiency_version v
                         WHERE v.root_account_uuid = tenant AND v.event_time <= coalesce(at, 'infinity')
                           AND v.recorded_at <= coalesce(known_at, 'infinity'))
             OR EXISTS (SELECT FROM outcomes.outcome_calculation_method_version v
                         WHERE v.root_account_uuid = tenant AND v.event_time <= coalesce(at, 'infinity')
                           AND v.recorded_at <= coalesce(known_at, 'infinity'))
             OR NOT outcomes_internal.known_tenant(tenant) -- an error where nothing is known of the tenant
           END
$$;
COMMENT ON FUNCTION outcomes.account_level_scales IS
    'Whether Canvas computes with account-level mastery scales: the tenant''s setting, or else whether a scale or method has been '
    'seen.';
