CREATE OR REPLACE FUNCTION outcomes_internal.newer_names(one jsonb, other jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN other IS NULL OR ((one ->> 'event_time') COLLATE "C", one::text COLLATE "C")
                                   >= ((other ->> 'event_time') COLLATE "C", other::text COLLATE "C")
                THEN one ELSE other END
$$;
COMMENT ON FUNCTION outcomes_internal.newer_names IS
    'Of two versions of a person''s names the one with the later event_time, of two at one moment the one whose text is greater.';
