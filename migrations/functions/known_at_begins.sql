CREATE OR REPLACE FUNCTION outcomes.known_at_begins() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT max(known_from) FROM outcomes.retired_version
$$;
COMMENT ON FUNCTION outcomes.known_at_begins IS
    'From when on known_at can be asked for; null where nothing was retired.';
