-- Whoever writes, the triggers fire: the worker, a backfill, an older version beside this schema, psql; also where the session has
-- session_replication_role = replica. TRUNCATE has no rows to show.
CREATE OR REPLACE FUNCTION outcomes_internal.mark_writes_of(table_name text, kind text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
    fires text;
BEGIN
    FOR name, fires IN VALUES ('added', 'INSERT|REFERENCING NEW TABLE AS written'), ('changed', 'UPDATE|REFERENCING NEW TABLE AS written'),
                              ('replaced', 'UPDATE|REFERENCING OLD TABLE AS written'),
                              ('removed', 'DELETE|REFERENCING OLD TABLE AS written'), ('emptied', 'TRUNCATE|') LOOP
        -- A current row becomes what one of its versions says, and that version is marked: only what it was before is news.
        CONTINUE WHEN kind = 'result' AND name IN ('added', 'changed') AND table_name NOT LIKE '%\_version';
        EXECUTE format('CREATE TRIGGER %1$I AFTER %3$s ON outcomes.%2$I %4$s FOR EACH STATEMENT EXECUTE FUNCTION outcomes_internal.mark_summaries(%5$L)',
                       'mark_' || kind || '_' || name, table_name, split_part(fires, '|', 1), split_part(fires, '|', 2), kind);
        EXECUTE format('ALTER TABLE outcomes.%I ENABLE ALWAYS TRIGGER %I', table_name, 'mark_' || kind || '_' || name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION outcomes_internal.mark_writes_of IS 'Makes the triggers that mark what is written to a table, of one kind of mark_summaries.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.mark_writes_of FROM PUBLIC;
