CREATE OR REPLACE FUNCTION outcomes_internal.has_version_partition(parent text, year integer) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT
          FROM pg_inherits i
          JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = format('outcomes.%I', parent)::regclass
           AND (c.relname = format('%s_y%s', parent, year)
                OR c.relname LIKE parent || '\_before\_%' AND substring(c.relname FROM '[0-9]{4}$')::integer > year))
$$;
COMMENT ON FUNCTION outcomes_internal.has_version_partition IS
    'Whether a partition other than the default one takes the versions of a year.';
