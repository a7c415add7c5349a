CREATE OR REPLACE FUNCTION outcomes_internal.account_of_course(
    tenant text, course_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
#variable_conflict use_column
DECLARE
    course CONSTANT bigint := course_id;
    account bigint;
BEGIN
    IF at IS NULL AND known_at IS NULL THEN -- as a rule the current row tells it
        SELECT c.account_id INTO account FROM outcomes.course c WHERE c.root_account_uuid = tenant AND c.id = course;
    END IF;
    RETURN coalesce(account, (SELECT c.owner_id
                                FROM outcomes_internal.account_chain(tenant, 'Course', course, at, known_at) c
                               WHERE c.owner_type = 'Account'
                               ORDER BY c.distance
                               LIMIT 1));
END
$$;
COMMENT ON FUNCTION outcomes_internal.account_of_course IS
    'The account that holds a course, as account_chain finds it; null where nothing tells even the root.';
