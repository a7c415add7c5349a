CREATE OR REPLACE FUNCTION outcomes_internal.stored_suppressed()
RETURNS TABLE (table_name text, root_account_uuid text, kind text, value text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held record;
BEGIN
    IF NOT EXISTS (SELECT FROM outcomes.suppression) THEN
        RETURN;
    END IF;
    FOR held IN SELECT relation.relname AS name, c.kind, c.value
                  FROM outcomes_internal.person_column() c
                  JOIN pg_class relation ON relation.relnamespace = 'outcomes'::regnamespace AND relation.relkind IN ('r', 'p')
                   AND NOT relation.relispartition
                   AND relation.relname ~ ('^' || c.table_name || '(_version(_(y|before_|retired_)\d+)?)?$')
                 UNION ALL
                SELECT relation.relname, 'user',
                       'CASE v.metadata ->> ''context_type'' WHEN ''User'' THEN outcomes_internal.local_id(v.metadata ->> ''context_id'') END'
                  FROM pg_class relation
                  JOIN pg_attribute a ON a.attrelid = relation.oid AND a.attname = 'metadata'
                 WHERE relation.relnamespace = 'outcomes'::regnamespace AND relation.relkind IN ('r', 'p') AND NOT relation.relispartition LOOP
        RETURN QUERY EXECUTE format($sql$
            SELECT %1$L, x.tenant, %2$L, x.value
              FROM (SELECT DISTINCT v.root_account_uuid AS tenant, (%3$s)::text AS value FROM outcomes.%1$I v) x
             CROSS JOIN outcomes_internal.erasure_key k
              JOIN outcomes.suppression s
                ON s.digest = outcomes_internal.person_digest(k.inner_pad, k.outer_pad, x.tenant, %2$L, x.value)
        $sql$, held.name, held.kind, held.value);
    END LOOP;
END
$$;
COMMENT ON FUNCTION outcomes_internal.stored_suppressed IS
    'Keys of suppressed people that are still in a table: none, but after a restore of an older backup. Reads every row.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.stored_suppressed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes_internal.stored_suppressed TO outcomes_writer;
