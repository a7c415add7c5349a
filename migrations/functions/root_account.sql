CREATE OR REPLACE FUNCTION outcomes_internal.root_account(tenant text, at timestamptz, known_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH known AS (
        SELECT a.*
          FROM (SELECT DISTINCT v.id FROM outcomes.account_version v WHERE v.root_account_uuid = tenant) seen
         CROSS JOIN LATERAL outcomes.account_at(tenant, seen.id, at, known_at) a
    ),
    owner AS (
        SELECT p.context_type, p.context_id
          FROM (SELECT DISTINCT v.id FROM outcomes.outcome_proficiency_version v WHERE v.root_account_uuid = tenant) seen
         CROSS JOIN LATERAL outcomes.outcome_proficiency_at(tenant, seen.id, at, known_at) p
         UNION ALL
        SELECT m.context_type, m.context_id
          FROM (SELECT DISTINCT v.id FROM outcomes.outcome_calculation_method_version v WHERE v.root_account_uuid = tenant) seen
         CROSS JOIN LATERAL outcomes.outcome_calculation_method_at(tenant, seen.id, at, known_at) m
    )
    SELECT coalesce(
        (SELECT min(id) FROM known WHERE parent_account_id IS NULL),
        (SELECT min(root_account_id) FROM known),
        (SELECT outcomes_internal.local_id(h.metadata ->> 'root_account_id')
           FROM outcomes.context_hint h
          WHERE h.root_account_uuid = tenant AND h.metadata ? 'root_account_id'
            AND h.event_time <= coalesce(at, 'infinity') AND h.recorded_at <= coalesce(known_at, 'infinity')
          ORDER BY h.event_time DESC, 1
          LIMIT 1),
        (SELECT min(context_id) FROM owner WHERE context_type = 'Account' HAVING count(DISTINCT context_id) = 1))
$$;
COMMENT ON FUNCTION outcomes_internal.root_account IS
    'Local id of the root account: the account without parent, else the one that accounts name, else the metadata''s, else the '
    'only account that owns scales and methods.';
