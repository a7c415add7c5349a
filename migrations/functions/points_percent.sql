CREATE OR REPLACE FUNCTION outcomes.points_percent(points numeric, points_possible numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT trim_scale(div(points * 1e22, nullif(points_possible, 0)) * 1e-20);
END;
COMMENT ON FUNCTION outcomes.points_percent IS
    'Points as a percentage, by decimal division. Cut after 20 decimals, never rounded up, so no bound is reached that the exact '
    'quotient does not reach. Null where nothing is possible.';
