-- The books: how far each source was read, what became of its events, and what was not understood.

CREATE TABLE outcomes.stream_position (
    source text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    next_position bigint NOT NULL,
    consumed bigint NOT NULL DEFAULT 0,
    applied bigint NOT NULL DEFAULT 0,
    superseded bigint NOT NULL DEFAULT 0,
    duplicate bigint NOT NULL DEFAULT 0,
    ignored bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0,
    label text,
    last_event_time timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stream_position_one_row_per_partition PRIMARY KEY (source, partition),
    CONSTRAINT stream_position_every_event_ends_as_one_thing
        CHECK (consumed = applied + superseded + duplicate + ignored + quarantined)
) WITH (fillfactor = 50);
COMMENT ON TABLE outcomes.stream_position IS
    'How far each partition and each file has been read, and what became of its events. Moves in the transaction that writes them.';
COMMENT ON COLUMN outcomes.stream_position.source IS 'The topic; for a file file: and the digest of its bytes.';
COMMENT ON COLUMN outcomes.stream_position.partition IS 'Kafka partition; 0 for a file.';
COMMENT ON COLUMN outcomes.stream_position.next_position IS 'The offset, line or element that is read next.';
COMMENT ON COLUMN outcomes.stream_position.consumed IS 'Events read; a record may hold several.';
COMMENT ON COLUMN outcomes.stream_position.applied IS 'Events that were a new version, current when committed.';
COMMENT ON COLUMN outcomes.stream_position.superseded IS 'Events that were a new version when a newer one was known already.';
COMMENT ON COLUMN outcomes.stream_position.duplicate IS 'Events whose version was known already.';
COMMENT ON COLUMN outcomes.stream_position.ignored IS 'Events that this projection does not keep, by name in ignored_event.';
COMMENT ON COLUMN outcomes.stream_position.quarantined IS 'Events in quarantine; a retried one moves to what became of it.';
COMMENT ON COLUMN outcomes.stream_position.label IS 'For people: the name of the file; null for a topic.';
COMMENT ON COLUMN outcomes.stream_position.last_event_time IS 'Newest event_time seen in this partition or file.';
COMMENT ON COLUMN outcomes.stream_position.updated_at IS 'When this row last moved.';
GRANT SELECT, INSERT, UPDATE ON outcomes.stream_position TO outcomes_writer;
GRANT SELECT ON outcomes.stream_position TO outcomes_reader;

CREATE TABLE outcomes.stream_gap (
    id bigint GENERATED ALWAYS AS IDENTITY,
    source text NOT NULL,
    partition integer NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint NOT NULL,
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stream_gap_one_row_per_gap PRIMARY KEY (id),
    CONSTRAINT stream_gap_reason_is_known CHECK (reason IN ('retention_passed', 'topic_recreated'))
);
COMMENT ON TABLE outcomes.stream_gap IS
    'Stretches of a topic that could not be read, where the operator chose to go on (OUTCOMES_ON_GAP=continue).';
COMMENT ON COLUMN outcomes.stream_gap.id IS 'Number of the gap.';
COMMENT ON COLUMN outcomes.stream_gap.source IS 'The topic.';
COMMENT ON COLUMN outcomes.stream_gap.partition IS 'Kafka partition.';
COMMENT ON COLUMN outcomes.stream_gap.from_position IS 'Offset that was to be read next.';
COMMENT ON COLUMN outcomes.stream_gap.to_position IS 'Offset that was read next instead.';
COMMENT ON COLUMN outcomes.stream_gap.reason IS
    'retention_passed: Kafka had deleted what came next. topic_recreated: the topic ended before the position.';
COMMENT ON COLUMN outcomes.stream_gap.recorded_at IS 'When the gap was met.';
GRANT SELECT, INSERT ON outcomes.stream_gap TO outcomes_writer;
GRANT SELECT ON outcomes.stream_gap TO outcomes_reader;

CREATE TABLE outcomes.retired_version (
    table_name text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    until timestamptz NOT NULL,
    versions bigint NOT NULL,
    known_from timestamptz NOT NULL,
    retired_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT retired_version_one_row_per_partition_and_moment PRIMARY KEY (table_name, source, partition, until)
);
COMMENT ON TABLE outcomes.retired_version IS
    'How many versions `outcomes retain` has taken out of a version table, by where they came from: they stay in the books.';
COMMENT ON COLUMN outcomes.retired_version.table_name IS 'The version table.';
COMMENT ON COLUMN outcomes.retired_version.source IS 'The topic; for a file file: and the digest of its bytes.';
COMMENT ON COLUMN outcomes.retired_version.partition IS 'Kafka partition; 0 for a file.';
COMMENT ON COLUMN outcomes.retired_version.until IS 'Their event_time is before this; from here on history is whole.';
COMMENT ON COLUMN outcomes.retired_version.versions IS 'How many.';
COMMENT ON COLUMN outcomes.retired_version.known_from IS
    'When the last of those was recorded that stand for them: what was known before this can no longer be told.';
COMMENT ON COLUMN outcomes.retired_version.retired_at IS 'When the last of them were taken out.';
GRANT SELECT ON outcomes.retired_version TO outcomes_writer, outcomes_reader;

CREATE TABLE outcomes.quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY,
    source text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    position bigint NOT NULL,
    reason text NOT NULL,
    path text NOT NULL,
    message text NOT NULL,
    event_name text,
    raw bytea NOT NULL,
    state text NOT NULL DEFAULT 'open',
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT quarantine_one_row_per_event PRIMARY KEY (id),
    CONSTRAINT quarantine_state_is_known CHECK (state IN ('open', 'retried', 'discarded')),
    CONSTRAINT quarantine_reason_is_known CHECK (reason IN (
        'not_json', 'too_large', 'too_deep', 'unknown_shape', 'empty_array', 'no_tenant', 'future_event_time', 'missing_member',
        'bad_type', 'bad_id', 'bad_number', 'bad_time', 'bad_text', 'bad_scale', 'refused_by_database'))
);
CREATE INDEX quarantine_open ON outcomes.quarantine (id) WHERE state = 'open';
CREATE INDEX quarantine_open_by_reason ON outcomes.quarantine (reason, id) WHERE state = 'open';
CREATE INDEX quarantine_by_source ON outcomes.quarantine (source, id);
COMMENT ON TABLE outcomes.quarantine IS
    'Events that could not be understood, whole, with the reason. For the writer''s and the owner''s eyes.';
COMMENT ON COLUMN outcomes.quarantine.id IS 'Number for the quarantine commands.';
COMMENT ON COLUMN outcomes.quarantine.source IS 'The topic; for a file file: and the digest of its bytes.';
COMMENT ON COLUMN outcomes.quarantine.partition IS 'Kafka partition; 0 for a file.';
COMMENT ON COLUMN outcomes.quarantine.position IS 'Kafka offset; line or element of a file, from 1.';
COMMENT ON COLUMN outcomes.quarantine.reason IS 'Why, as a word of a closed list.';
COMMENT ON COLUMN outcomes.quarantine.path IS
    'Where in the record; empty for the whole. (personal) stands for a name that may be somebody''s.';
COMMENT ON COLUMN outcomes.quarantine.message IS 'Why, as a sentence.';
COMMENT ON COLUMN outcomes.quarantine.event_name IS 'Name of the event, where it could be read.';
COMMENT ON COLUMN outcomes.quarantine.raw IS
    'The record as it came; one element where the record held several events. Empty once it is settled. Personal: it is what '
    'Canvas sent.';
COMMENT ON COLUMN outcomes.quarantine.state IS
    'open; retried: understood later and now where it belongs; discarded: a person decided that it is not needed.';
COMMENT ON COLUMN outcomes.quarantine.recorded_at IS 'When it was set aside.';
GRANT SELECT, INSERT, UPDATE ON outcomes.quarantine TO outcomes_writer;

-- One row for each session that has ever changed the number: no two of them wait for each other.
CREATE TABLE outcomes.quarantine_tally (
    reason text NOT NULL,
    session integer NOT NULL,
    records bigint NOT NULL,
    CONSTRAINT quarantine_tally_one_row_per_reason_and_session PRIMARY KEY (reason, session)
) WITH (fillfactor = 50);
COMMENT ON TABLE outcomes.quarantine_tally IS
    'How many records are open in quarantine: the sum over the sessions of each reason. Kept by triggers, so that nobody need '
    'count a million.';
COMMENT ON COLUMN outcomes.quarantine_tally.reason IS 'As in quarantine.';
COMMENT ON COLUMN outcomes.quarantine_tally.session IS
    'Process id of a session of the server: each changes a row of its own, and waits for nobody. 0 for what was there before.';
COMMENT ON COLUMN outcomes.quarantine_tally.records IS 'Records it has added to the open ones, less those it has taken away.';
GRANT SELECT, INSERT, UPDATE ON outcomes.quarantine_tally TO outcomes_writer;

-- They fire in a session with session_replication_role = replica too, which some managed servers set for a whole database.
CREATE TRIGGER tally_added AFTER INSERT ON outcomes.quarantine
    REFERENCING NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION outcomes_internal.tally_quarantine();
CREATE TRIGGER tally_changed AFTER UPDATE ON outcomes.quarantine
    REFERENCING OLD TABLE AS was NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION outcomes_internal.tally_quarantine();
CREATE TRIGGER tally_removed AFTER DELETE ON outcomes.quarantine
    REFERENCING OLD TABLE AS was FOR EACH STATEMENT EXECUTE FUNCTION outcomes_internal.tally_quarantine();
ALTER TABLE outcomes.quarantine
    ENABLE ALWAYS TRIGGER tally_added, ENABLE ALWAYS TRIGGER tally_changed, ENABLE ALWAYS TRIGGER tally_removed;

CREATE TABLE outcomes.ignored_event (
    source text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    event_name text COLLATE "C" NOT NULL,
    events bigint NOT NULL,
    last_event_time timestamptz,
    CONSTRAINT ignored_event_one_row_per_name PRIMARY KEY (source, partition, event_name)
) WITH (fillfactor = 50);
COMMENT ON TABLE outcomes.ignored_event IS
    'How many events of other names went by, per partition; heartbeat tells whether the feed is alive.';
COMMENT ON COLUMN outcomes.ignored_event.source IS 'The topic; for a file file: and the digest of its bytes.';
COMMENT ON COLUMN outcomes.ignored_event.partition IS 'Kafka partition; 0 for a file.';
COMMENT ON COLUMN outcomes.ignored_event.event_name IS
    'Name of the events. (tombstone): Kafka messages without a value; (personal): names that may be somebody''s; (others): those '
    'that came when 500 names were known.';
COMMENT ON COLUMN outcomes.ignored_event.events IS 'How many.';
COMMENT ON COLUMN outcomes.ignored_event.last_event_time IS 'Newest event_time among them.';
GRANT SELECT, INSERT, UPDATE ON outcomes.ignored_event TO outcomes_writer;
GRANT SELECT ON outcomes.ignored_event TO outcomes_reader;

CREATE TABLE outcomes.unknown_member (
    source text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    event_name text COLLATE "C" NOT NULL,
    member text COLLATE "C" NOT NULL,
    events bigint NOT NULL,
    CONSTRAINT unknown_member_one_row_per_member PRIMARY KEY (source, partition, event_name, member)
) WITH (fillfactor = 50);
COMMENT ON TABLE outcomes.unknown_member IS
    'The drift report: members that Canvas sends and this projection does not know. Their values are in the column extra, those of'
    ' results in unknown_value.';
COMMENT ON COLUMN outcomes.unknown_member.source IS 'The topic; for a file file: and the digest of its bytes.';
COMMENT ON COLUMN outcomes.unknown_member.partition IS 'Kafka partition; 0 for a file.';
COMMENT ON COLUMN outcomes.unknown_member.event_name IS 'Name of the events.';
COMMENT ON COLUMN outcomes.unknown_member.member IS
    'Name of the member, with its parents: rubric_criterion.icon. (personal): names that may be somebody''s; (others): those that '
    'came when 500 were known.';
COMMENT ON COLUMN outcomes.unknown_member.events IS 'How many events had it, duplicates included.';
GRANT SELECT, INSERT, UPDATE ON outcomes.unknown_member TO outcomes_writer;
GRANT SELECT ON outcomes.unknown_member TO outcomes_reader;
