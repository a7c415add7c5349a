CREATE OR REPLACE FUNCTION outcomes_internal.local_id(id text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN id ~ '^[0-9]{1,19}$'
                THEN CASE WHEN id::numeric BETWEEN 1 AND 9223372036854775807
                          THEN coalesce(nullif(id::numeric % 10000000000000, 0), id::numeric)::bigint END END
$$;
COMMENT ON FUNCTION outcomes_internal.local_id IS
    'Local id of a global one: modulo 10^13. Null where it is no id.';
