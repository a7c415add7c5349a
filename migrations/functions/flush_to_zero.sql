-- Postgres raises an error on underflow, Canvas gets 0: magnitudes below 1e-100 count as 0.
CREATE OR REPLACE FUNCTION outcomes_internal.flush_to_zero(number double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN abs(number) < 1e-100 THEN 0 ELSE number END
$$;
COMMENT ON FUNCTION outcomes_internal.flush_to_zero IS
    'The number, or 0 where it is so small that products with it would underflow, which Postgres refuses; null stays null.';
