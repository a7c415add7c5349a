CREATE OR REPLACE FUNCTION outcomes_internal.token_tenant(digest bytea) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.root_account_uuid FROM outcomes.api_token t WHERE t.digest = token_tenant.digest AND t.revoked_at IS NULL
$$;
COMMENT ON FUNCTION outcomes_internal.token_tenant IS
    'The tenant that a token opens, by its SHA-256; null where it opens none. Readers see no tokens, only this.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.token_tenant FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes_internal.token_tenant TO outcomes_writer, outcomes_reader;
