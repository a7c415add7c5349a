CREATE OR REPLACE FUNCTION outcomes_internal.create_context_hint() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE (
        SELECT 'CREATE OR REPLACE VIEW outcomes.context_hint AS '
               || string_agg(format('SELECT root_account_uuid, event_time, recorded_at, metadata FROM outcomes.%I', c.relname), ' UNION ALL '
                             ORDER BY substring(c.relname, '^(.*)_version$') COLLATE "C")
          FROM pg_class c
         WHERE c.relnamespace = 'outcomes'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname LIKE '%\_version'
           AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'metadata'));
    COMMENT ON VIEW outcomes.context_hint IS
        'Where web requests were made, of all versions; tells what no account or course event has told.';
    COMMENT ON COLUMN outcomes.context_hint.root_account_uuid IS 'Tenant.';
    COMMENT ON COLUMN outcomes.context_hint.event_time IS 'When Canvas posted the event.';
    COMMENT ON COLUMN outcomes.context_hint.recorded_at IS 'When it was recorded here.';
    COMMENT ON COLUMN outcomes.context_hint.metadata IS 'context_type, context_id, context_account_id, root_account_id: global ids.';
    GRANT SELECT ON outcomes.context_hint TO outcomes_writer, outcomes_reader;
END
$$;
COMMENT ON FUNCTION outcomes_internal.create_context_hint IS 'Makes the view context_hint of all versioned tables that there are.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.create_context_hint FROM PUBLIC;
