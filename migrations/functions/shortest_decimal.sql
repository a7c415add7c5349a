CREATE OR REPLACE FUNCTION outcomes_internal.shortest_decimal(number double precision) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET extra_float_digits = 1 AS $$
    SELECT number::text::numeric
$$;
COMMENT ON FUNCTION outcomes_internal.shortest_decimal IS
    'A double as Ruby and JSON print it: the shortest decimal that reads back as the same double. A cast to numeric keeps 15 '
    'digits.';
