CREATE OR REPLACE FUNCTION outcomes.history_begins() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT max(until) FROM outcomes.retired_version
$$;
COMMENT ON FUNCTION outcomes.history_begins IS
    'From when on every moment can be asked for; null where nothing was retired. Before it, functions and views answer from what '
    'is left, which is not what was true.';
