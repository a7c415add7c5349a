CREATE OR REPLACE FUNCTION outcomes_internal.uuid_owner(tenant text, user_uuids text[], at timestamptz, known_at timestamptz)
RETURNS TABLE (user_uuid text, user_id bigint) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT h.user_uuid, h.user_id
      FROM outcomes_internal.uuid_holder($1, $2, $4) h
     WHERE h.held_from <= coalesce($3, 'infinity') AND (h.held_until = 'infinity' OR h.held_until > $3)
$$;
COMMENT ON FUNCTION outcomes_internal.uuid_owner IS
    'The user of each of these uuids at a moment; at null is now. No row for a uuid whose user nothing has told.';
