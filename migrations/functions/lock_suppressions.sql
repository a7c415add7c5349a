CREATE OR REPLACE FUNCTION outcomes_internal.lock_suppressions() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE outcomes.suppression IN ROW EXCLUSIVE MODE;
END
$$;
COMMENT ON FUNCTION outcomes_internal.lock_suppressions IS
    'Lets no erasure begin before the caller''s transaction ends, and says of nobody that they know whom not to store.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.lock_suppressions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes_internal.lock_suppressions TO outcomes_writer;
