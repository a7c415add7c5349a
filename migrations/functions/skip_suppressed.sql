CREATE OR REPLACE FUNCTION outcomes_internal.skip_suppressed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM outcomes_internal.lock_suppressions();
    IF EXISTS (SELECT FROM outcomes.suppression)
       AND EXISTS (SELECT
                     FROM outcomes_internal.erasure_key k
                    CROSS JOIN (VALUES ('user', NEW.user_id::text), ('uuid', NEW.user_uuid)) named (kind, value)
                     JOIN outcomes.suppression s ON s.digest = outcomes_internal.person_digest(
                          k.inner_pad, k.outer_pad, NEW.root_account_uuid, named.kind, named.value)) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION outcomes_internal.skip_suppressed IS
    'Trigger of tables that REST fills outside of the books: stores no row of a suppressed person.';
