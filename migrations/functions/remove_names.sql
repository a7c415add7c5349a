-- As the owner: outcomes_writer may delete no unknown value of its own accord. Tenant by tenant, for the primary key of unknown_value
-- begins with them, and that of results may be large.
CREATE OR REPLACE FUNCTION outcomes_internal.remove_names() RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE tenant AS (
        SELECT min(root_account_uuid) AS uuid FROM outcomes.unknown_value
         UNION ALL
        SELECT (SELECT min(root_account_uuid) FROM outcomes.unknown_value WHERE root_account_uuid > uuid)
          FROM tenant
         WHERE uuid IS NOT NULL
    ),
    unknown AS (
        DELETE FROM outcomes.unknown_value AS value
         USING tenant, unnest(ARRAY['canvas_user', 'enrollment', 'enrollment_state', 'submission', 'user_merge']) AS kind
         WHERE value.root_account_uuid = tenant.uuid AND value.table_name = kind
    ),
    removed AS (
        DELETE FROM outcomes.person_name RETURNING user_id
    )
    SELECT count(*) FROM removed
$$;
COMMENT ON FUNCTION outcomes_internal.remove_names IS
    'Takes out what only OUTCOMES_PEOPLE=names stores: all rows of person_name, and the unknown members of users, enrolments and '
    'submissions. Returns of how many people there were names.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.remove_names FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes_internal.remove_names TO outcomes_writer;
