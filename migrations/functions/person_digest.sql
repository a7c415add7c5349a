CREATE OR REPLACE FUNCTION outcomes_internal.person_digest(inner_pad bytea, outer_pad bytea, tenant text, kind text, value text)
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT pg_catalog.sha256(outer_pad || pg_catalog.sha256(inner_pad || pg_catalog.convert_to(
           tenant || pg_catalog.chr(31) || kind || pg_catalog.chr(31) || value, 'UTF8')))
$$;
COMMENT ON FUNCTION outcomes_internal.person_digest IS
    'HMAC-SHA-256 of a key of a person, as suppression holds it; the pads are those of erasure_key.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.person_digest FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes_internal.person_digest TO outcomes_writer;
