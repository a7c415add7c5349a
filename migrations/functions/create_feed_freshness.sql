-- Nothing has an index of event_time alone: the current table is read twice, which is less than its versions once.
CREATE OR REPLACE FUNCTION outcomes_internal.create_feed_freshness() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    newest text := (
        SELECT string_agg(format($sql$
            SELECT n.root_account_uuid, %1$L::text AS table_name, n.event_time, max(v.recorded_at) AS recorded_at
              FROM (SELECT r.root_account_uuid, max(r.event_time) AS event_time FROM outcomes.%1$I r GROUP BY r.root_account_uuid) newest
              JOIN outcomes.%1$I n USING (root_account_uuid, event_time)
              LEFT JOIN outcomes.%2$I v USING (root_account_uuid, id, event_time, version_hash)
             GROUP BY n.root_account_uuid, n.event_time$sql$, left(c.relname, -length('_version')), c.relname), ' UNION ALL '
             ORDER BY c.relname COLLATE "C")
          FROM pg_class c
         WHERE c.relnamespace = 'outcomes'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname LIKE '%\_version'
           AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'metadata'));
BEGIN
    IF newest IS NULL THEN
        RETURN; -- no table yet
    END IF;
    EXECUTE 'CREATE OR REPLACE VIEW outcomes.feed_freshness AS
        SELECT newest.*, (SELECT max(i.last_event_time) FROM outcomes.ignored_event i WHERE i.event_name = ''heartbeat'') AS heartbeat_at
          FROM (' || newest || ') newest';
    COMMENT ON VIEW outcomes.feed_freshness IS
        'How far each kind of object is told for each tenant. Reads all current rows: a second or more for some millions of results.';
    COMMENT ON COLUMN outcomes.feed_freshness.root_account_uuid IS 'Tenant.';
    COMMENT ON COLUMN outcomes.feed_freshness.table_name IS 'The kind of object.';
    COMMENT ON COLUMN outcomes.feed_freshness.event_time IS 'When Canvas posted the newest event of this kind that was written here.';
    COMMENT ON COLUMN outcomes.feed_freshness.recorded_at IS 'When that one was recorded here; an older event may have come later.';
    COMMENT ON COLUMN outcomes.feed_freshness.heartbeat_at IS
        'When Canvas posted the newest heartbeat, in whichever feed; null where none came. With heartbeats, an old event_time means '
        'that nothing happened.';
    GRANT SELECT ON outcomes.feed_freshness TO outcomes_writer, outcomes_reader;
END
$$;
COMMENT ON FUNCTION outcomes_internal.create_feed_freshness IS 'Makes the view feed_freshness of all versioned tables that there are.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.create_feed_freshness FROM PUBLIC;

-- Tables that there are already are in it too.
DO $make$ BEGIN PERFORM outcomes_internal.create_feed_freshness(); END $make$;
