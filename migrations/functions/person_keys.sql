CREATE OR REPLACE FUNCTION outcomes_internal.person_keys(
    tenant text, given_users bigint[], given_uuids text[], merged boolean, OUT users bigint[], OUT uuids text[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known integer := -1;
BEGIN
    users := ARRAY(SELECT DISTINCT u FROM unnest(given_users) u
                    UNION SELECT substr(u, 4)::bigint FROM unnest(given_uuids) u WHERE u ~ '^id:[1-9][0-9]{0,17}$');
    uuids := ARRAY(SELECT DISTINCT u FROM unnest(given_uuids) u WHERE u !~ '^id:[1-9][0-9]{0,17}$');
    WHILE known < cardinality(users) + cardinality(uuids) LOOP
        known := cardinality(users) + cardinality(uuids);
        users := ARRAY(
            SELECT unnest(users)
             UNION
            SELECT i.user_id FROM outcomes.user_identity i WHERE i.root_account_uuid = tenant AND i.user_uuid = ANY (uuids)
             UNION
            SELECT p.user_id FROM outcomes.user_past_uuid p WHERE merged AND p.root_account_uuid = tenant AND p.user_uuid = ANY (uuids)
             UNION
            SELECT m.merged_into_user_id
              FROM outcomes.user_merge_version m
             WHERE merged AND m.root_account_uuid = tenant AND m.id = ANY (users) AND m.merged_into_user_id IS NOT NULL
             UNION
            SELECT m.id
              FROM outcomes.user_merge_version m
             WHERE merged AND m.root_account_uuid = tenant AND m.merged_into_user_id = ANY (users));
        uuids := ARRAY(
            SELECT unnest(uuids)
             UNION
            SELECT i.user_uuid FROM outcomes.user_identity i WHERE i.root_account_uuid = tenant AND i.user_id = ANY (users)
             UNION
            SELECT p.user_uuid FROM outcomes.user_past_uuid p WHERE merged AND p.root_account_uuid = tenant AND p.user_id = ANY (users));
    END LOOP;
END
$$;
COMMENT ON FUNCTION outcomes_internal.person_keys IS
    'All user ids and uuids that belong together with these: a uuid and each user who ever had it; with `merged` also users whom Canvas '
    'ever merged.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.person_keys FROM PUBLIC;
