CREATE OR REPLACE FUNCTION outcomes_internal.root_hint(tenant text) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_generic_plan SET jit = off AS $$
BEGIN
    RETURN (SELECT outcomes_internal.local_id(h.metadata ->> 'root_account_id')
              FROM outcomes.context_hint h
             WHERE h.root_account_uuid = tenant AND h.metadata ? 'root_account_id' AND h.event_time <= 'infinity'
             ORDER BY h.event_time DESC, 1
             LIMIT 1);
END
$$;
COMMENT ON FUNCTION outcomes_internal.root_hint IS 'The root account as the newest request tells it that names one.';
