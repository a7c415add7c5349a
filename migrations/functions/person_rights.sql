-- A login, SIS id or uuid that several users have teaches nothing: it does not say who somebody is.
CREATE OR REPLACE FUNCTION outcomes_internal.person_rights(tenant text, login text, sis_user_id text, user_uuid text)
RETURNS TABLE (scope text, scope_id bigint, course_id bigint, names boolean, operations boolean)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
    WITH called AS (
        SELECT array_agg(p.user_id) AS ids FROM outcomes.person_name p WHERE p.root_account_uuid = $1 AND lower(p.login COLLATE "C") = $2
         UNION ALL
        SELECT array_agg(p.user_id) FROM outcomes.person_name p WHERE p.root_account_uuid = $1 AND p.sis_user_id = $3
         UNION ALL
        SELECT array_agg(DISTINCT h.user_id)
          FROM outcomes_internal.uuid_holder($1, ARRAY[$4], NULL) h
         WHERE $4 NOT LIKE 'id:%' AND h.held_until = 'infinity'
    )
    SELECT granted.*
      FROM (VALUES ('login', $2), ('sis', $3), ('uuid', $4)) named (kind, who)
     CROSS JOIN LATERAL outcomes_internal.access_rights($1, named.kind, named.who) granted
     UNION
    SELECT t.*, true, false
      FROM outcomes_internal.teaching_rights($1, ARRAY(SELECT DISTINCT c.ids[1] FROM called c WHERE cardinality(c.ids) = 1)) t
$$;
COMMENT ON FUNCTION outcomes_internal.person_rights IS
    'What a person may see: what was granted to the login (in lower case), the SIS id or the uuid, and what the person teaches, with names. '
    'An id of an identity provider that is not told is null.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.person_rights FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes_internal.person_rights TO outcomes_serve;
