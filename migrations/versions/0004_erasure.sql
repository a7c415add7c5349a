-- Who was erased, so that a replay does not bring them back, and a sixth end of an event in the books.

CREATE TABLE outcomes.suppression (
    id bigint GENERATED ALWAYS AS IDENTITY,
    root_account_uuid text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    digest bytea NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT suppression_one_row_per_key PRIMARY KEY (digest),
    CONSTRAINT suppression_number_is_of_one UNIQUE (id),
    CONSTRAINT suppression_digest_is_sha256 CHECK (length(digest) = 32),
    CONSTRAINT suppression_kind_is_known CHECK (kind IN ('user', 'uuid', 'text', 'enrollment', 'submission', 'rubric_assessment'))
);
COMMENT ON TABLE outcomes.suppression IS
    'Whom `outcomes erase` has taken out, as keyed digests: an event that names one of them is counted as erased and stored nowhere.';
COMMENT ON COLUMN outcomes.suppression.id IS 'Number, in the order in which rows are committed.';
COMMENT ON COLUMN outcomes.suppression.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.suppression.kind IS
    'What the key was: user or uuid of a person, text: a name of one; or the id of an enrollment, submission or rubric_assessment of one.';
COMMENT ON COLUMN outcomes.suppression.digest IS 'HMAC-SHA-256 of tenant, kind and key, with the key of this installation.';
COMMENT ON COLUMN outcomes.suppression.erased_at IS 'When the person was erased.';
GRANT SELECT ON outcomes.suppression TO outcomes_writer;

CREATE TABLE outcomes_internal.erasure_key (
    key bytea NOT NULL,
    inner_pad bytea NOT NULL,
    outer_pad bytea NOT NULL,
    CONSTRAINT erasure_key_has_32_bytes CHECK (length(key) = 32)
);
CREATE UNIQUE INDEX erasure_key_is_one ON outcomes_internal.erasure_key ((true));
COMMENT ON TABLE outcomes_internal.erasure_key IS
    'The key of the digests in suppression. Made once, the same after a restore; with it one can test whether a given person was erased.';
COMMENT ON COLUMN outcomes_internal.erasure_key.key IS 'The key.';
COMMENT ON COLUMN outcomes_internal.erasure_key.inner_pad IS 'The key with the inner pad of HMAC.';
COMMENT ON COLUMN outcomes_internal.erasure_key.outer_pad IS 'The key with the outer pad of HMAC.';
GRANT SELECT ON outcomes_internal.erasure_key TO outcomes_writer;
SELECT outcomes_internal.set_erasure_key(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

ALTER TABLE outcomes.stream_position
    ADD COLUMN erased bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT stream_position_every_event_ends_as_one_thing,
    ADD CONSTRAINT stream_position_every_event_ends_as_one_thing
        CHECK (consumed = applied + superseded + duplicate + ignored + quarantined + erased);
COMMENT ON COLUMN outcomes.stream_position.erased IS
    'Events that tell of an erased person: stored nowhere, or taken out by `outcomes erase`.';

-- A program that does not know of erasure moves no position once somebody was erased. Fires in a replica's session too.
CREATE TRIGGER refuse_unaware_writer BEFORE UPDATE ON outcomes.stream_position FOR EACH ROW
    WHEN ((OLD.applied, OLD.superseded, OLD.duplicate, OLD.ignored, OLD.quarantined, OLD.erased)
          IS DISTINCT FROM (NEW.applied, NEW.superseded, NEW.duplicate, NEW.ignored, NEW.quarantined, NEW.erased))
    EXECUTE FUNCTION outcomes_internal.refuse_unaware_writer();
ALTER TABLE outcomes.stream_position ENABLE ALWAYS TRIGGER refuse_unaware_writer;

-- REST tells of people outside of the books.
CREATE TRIGGER skip_suppressed BEFORE INSERT ON outcomes.user_identity FOR EACH ROW
    EXECUTE FUNCTION outcomes_internal.skip_suppressed();
ALTER TABLE outcomes.user_identity ENABLE ALWAYS TRIGGER skip_suppressed;
CREATE TRIGGER skip_suppressed BEFORE INSERT ON outcomes.user_past_uuid FOR EACH ROW
    EXECUTE FUNCTION outcomes_internal.skip_suppressed();
ALTER TABLE outcomes.user_past_uuid ENABLE ALWAYS TRIGGER skip_suppressed;

-- The mark of columns that can hold a person. Whoever adds such a column marks it, and tells erase of it.
COMMENT ON COLUMN outcomes.stream_position.label IS
    'For people: the name of the file; null for a topic. Personal: a file may be called after somebody.';
DO $mark$
DECLARE
    held record;
    said text;
BEGIN
    FOR held IN SELECT c.oid::regclass AS name, a.attname AS member, col_description(c.oid, a.attnum) AS meaning
                  FROM pg_class c
                  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                 WHERE c.relnamespace = 'outcomes'::regnamespace AND c.relkind IN ('r', 'p')
                   AND col_description(c.oid, a.attnum) !~ 'Personal|Always null' -- functions of today mark new tables
                   AND (a.attname IN ('extra', 'metadata')
                        OR (replace(c.relname, '_version', ''), a.attname::text) IN (
                            ('canvas_user', 'id'), ('canvas_user', 'global_id'), ('canvas_user', 'uuid'), ('enrollment', 'user_id'),
                            ('enrollment', 'user_uuid'), ('enrollment', 'associated_user_id'), ('learning_outcome_result', 'user_uuid'),
                            ('submission', 'user_id'), ('user_merge', 'id'), ('user_merge', 'merged_into_user_id'))) LOOP
        said := CASE held.member WHEN 'extra' THEN ' Personal: it may be about anybody.'
                                 WHEN 'metadata' THEN ' Personal where context_type is User.' ELSE ' Personal.' END;
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', held.name, held.member, held.meaning || said);
    END LOOP;
    PERFORM outcomes_internal.create_version_readers(left(c.relname, -length('_version')))
       FROM pg_class c
      WHERE c.relnamespace = 'outcomes'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname LIKE '%\_version'
        AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'metadata');
END
$mark$;
