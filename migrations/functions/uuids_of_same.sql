CREATE OR REPLACE FUNCTION outcomes_internal.uuids_of_same(tenant text, user_uuids text[]) RETURNS TABLE (user_uuid text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10 AS $$
    WITH person AS (
        SELECT DISTINCT h.user_id FROM outcomes_internal.uuid_holder(tenant, user_uuids, NULL) h
    )
    SELECT n.name FROM unnest(user_uuids) n (name)
     UNION
    SELECT i.user_uuid
      FROM outcomes.user_identity i
     WHERE i.root_account_uuid = tenant AND i.user_id = ANY (ARRAY(SELECT person.user_id FROM person))
     UNION
    SELECT 'id:' || person.user_id FROM person
$$;
COMMENT ON FUNCTION outcomes_internal.uuids_of_same IS 'These uuids, and all others that anybody had who ever had one of them.';
