-- HMAC (RFC 2104) begins with the key, made as long as a block of SHA-256, under two pads.
CREATE OR REPLACE FUNCTION outcomes_internal.set_erasure_key(key bytea) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    block bytea := key || decode(repeat('00', 64 - length(key)), 'hex');
    inner_pad bytea := block;
    outer_pad bytea := block;
BEGIN
    FOR i IN 0..63 LOOP
        inner_pad := set_byte(inner_pad, i, get_byte(block, i) # 54);
        outer_pad := set_byte(outer_pad, i, get_byte(block, i) # 92);
    END LOOP;
    DELETE FROM outcomes_internal.erasure_key;
    INSERT INTO outcomes_internal.erasure_key VALUES (key, inner_pad, outer_pad);
END
$$;
COMMENT ON FUNCTION outcomes_internal.set_erasure_key IS 'Sets the key of the digests in suppression; only while there are none.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.set_erasure_key FROM PUBLIC;
