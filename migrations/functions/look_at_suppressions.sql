-- A writer holds the lock until its transaction ends, so an erasure waits for it, and what begins later sees the erasure. A lock on a
-- table: any login could hold an advisory lock for ever. Neither lock waits for who only reads, as pg_dump does.
CREATE OR REPLACE FUNCTION outcomes_internal.look_at_suppressions(adding boolean) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    newest bigint;
BEGIN
    IF adding THEN
        LOCK TABLE outcomes.suppression IN SHARE ROW EXCLUSIVE MODE;
    ELSE
        LOCK TABLE outcomes.suppression IN ROW EXCLUSIVE MODE;
    END IF;
    newest := (SELECT coalesce(max(id), 0) FROM outcomes.suppression);
    PERFORM set_config('outcomes.suppressions', newest::text, true);
    RETURN newest;
END
$$;
COMMENT ON FUNCTION outcomes_internal.look_at_suppressions IS
    'The number of the newest suppression. It stays the newest until the caller''s transaction ends, but for those that the caller adds.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.look_at_suppressions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes_internal.look_at_suppressions TO outcomes_writer;
