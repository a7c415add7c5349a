CREATE OR REPLACE FUNCTION outcomes_internal.sure_score(cents double precision) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN abs(cents - floor(cents) - 0.5) > 0.001 THEN round(cents)::bigint * 0.01 END
$$;
COMMENT ON FUNCTION outcomes_internal.sure_score IS
    'The score of this many cents, which are known to a thousandth: null so close to a half that rounding needs to know more.';
