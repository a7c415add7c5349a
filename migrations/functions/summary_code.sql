CREATE OR REPLACE FUNCTION outcomes_internal.summary_code() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT hashtextextended(string_agg(f.digest, '' ORDER BY f.name), 0) FROM outcomes_internal.applied_file f
$$;
COMMENT ON FUNCTION outcomes_internal.summary_code IS
    'Changes with any function or view: what was computed by others is computed again.';
