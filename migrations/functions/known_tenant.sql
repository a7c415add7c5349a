-- Most tenants have outcomes, so that one look at a small index is enough. The order keeps each look in an index: a scan that hopes to
-- find the tenant soon would read a whole table for one that is not there.
CREATE OR REPLACE FUNCTION outcomes_internal.known_tenant(tenant text) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF tenant = (SELECT r.root_account_uuid FROM outcomes.learning_outcome r
                  WHERE r.root_account_uuid >= tenant ORDER BY r.root_account_uuid LIMIT 1) THEN
        RETURN true;
    END IF;
    IF tenant = (SELECT h.root_account_uuid FROM outcomes.context_hint h
                  WHERE h.root_account_uuid >= tenant ORDER BY h.root_account_uuid LIMIT 1)
       OR EXISTS (SELECT FROM outcomes.grading_standard_version s WHERE s.root_account_uuid = tenant)
       OR EXISTS (SELECT FROM outcomes.backfill_run b WHERE b.root_account_uuid = tenant) THEN
        RETURN true;
    END IF;
    RAISE '%; SELECT DISTINCT root_account_uuid FROM outcomes.feed_freshness shows those that are known',
          coalesce('tenant ' || tenant || ' is not known here', 'no tenant is given')
          USING ERRCODE = 'P0002';
END
$$;
COMMENT ON FUNCTION outcomes_internal.known_tenant IS
    'True; an error (P0002) where nothing is known of the tenant, for functions that would answer with nothing.';
