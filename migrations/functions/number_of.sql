CREATE OR REPLACE FUNCTION outcomes_internal.number_of(value jsonb) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE jsonb_typeof(value) WHEN 'number' THEN CASE WHEN abs(value::numeric) < 1e-100 THEN 0 ELSE value::double precision END END
$$;
COMMENT ON FUNCTION outcomes_internal.number_of IS
    'A JSON number as a double; null where it is anything else.';
