CREATE OR REPLACE FUNCTION outcomes_internal.person_key(user_id bigint, user_uuid text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(user_uuid, 'id:' || user_id::text)
$$;
COMMENT ON FUNCTION outcomes_internal.person_key IS
    'What rollups call a user: by the uuid that the user has at that moment, by id where it is none.';
