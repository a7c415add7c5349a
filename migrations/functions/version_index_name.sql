CREATE OR REPLACE FUNCTION outcomes_internal.version_index_name(name text, model text, target text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT left(CASE WHEN starts_with(name, model) THEN target || substr(name, length(model) + 1)
                     WHEN starts_with(name, split_part(model, '_version', 1) || '_')
                     THEN target || substr(name, length(split_part(model, '_version', 1)) + 1)
                     ELSE target || '_' || name END, 63)
$$;
COMMENT ON FUNCTION outcomes_internal.version_index_name IS
    'How the index of a version table is called on another one, a partition for instance.';
