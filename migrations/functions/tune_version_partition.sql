-- Rows of a version table never change: vacuum only freezes them and keeps the visibility map, analyze serves the planner.
--   vacuum_insert_scale_factor  0.05 and not 0.2: a year that has 100 million rows is visited every 5 million, three minutes at
--                               30,000 events/s, and each visit is short: it reads only what is new.
--   freeze_min_age              0: a row is frozen at that first visit, while it is still in memory, and never read for that again.
--   analyze_scale_factor        0.02 and not 0.1: the newest event_time moves all the time, and plans should know it.
CREATE OR REPLACE FUNCTION outcomes_internal.tune_version_partition(partition regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_insert_threshold = 50000, '
                   'autovacuum_freeze_min_age = 0, autovacuum_analyze_scale_factor = 0.02)', partition);
END
$$;
COMMENT ON FUNCTION outcomes_internal.tune_version_partition IS
    'Sets autovacuum for a table whose rows are added and never change, however large it gets.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.tune_version_partition FROM PUBLIC;
