CREATE OR REPLACE FUNCTION outcomes_internal.readable_names(tenant text, user_ids bigint[])
RETURNS TABLE (user_id bigint, name text, short_name text, sortable_name text, login text, sis_user_id text)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
#variable_conflict use_column
BEGIN
    IF has_table_privilege('outcomes.person_name', 'SELECT') THEN
        RETURN QUERY
        SELECT p.user_id, p.name, p.short_name, p.sortable_name, p.login, p.sis_user_id
          FROM outcomes.person_name p
         WHERE p.root_account_uuid = tenant AND p.user_id = ANY (user_ids) AND p.name IS NOT NULL;
    END IF;
END
$$;
COMMENT ON FUNCTION outcomes_internal.readable_names IS
    'Names of these people, as they were told last; none for who may not read them, where person_name itself is an error.';
