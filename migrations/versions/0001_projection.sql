-- The projection: what Canvas said about learning outcomes, now and over time.
--
-- Each kind of object has three relations and a function. <name> holds the newest state of every object. <name>_version holds every
-- state that any event ever told; rows are added and never rewritten, and a late event takes its place in the past by its event_time.
-- <name>_history shows the versions as periods; <name>_at tells the row at a moment.
-- A version is newer than another of the same object by (event_time, event_name, updated_at with null first, version_hash):
-- 'created' sorts before 'updated'. Nothing depends on arrival, so there are no foreign keys.

COMMENT ON TABLE outcomes.alembic_version IS 'Which migration this database is at.';
COMMENT ON COLUMN outcomes.alembic_version.version_num IS 'The newest migration that was run.';
GRANT SELECT ON outcomes.alembic_version TO outcomes_writer, outcomes_reader;


-- What events tell

-- What unknown members of private tables say, out of readers' sight: their triggers put it here.
CREATE TABLE outcomes.unknown_value (
    root_account_uuid text COLLATE "C" NOT NULL,
    table_name text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    event_time timestamptz NOT NULL,
    version_hash bigint NOT NULL,
    members jsonb NOT NULL,
    CONSTRAINT unknown_value_one_row_per_version PRIMARY KEY (root_account_uuid, table_name, id, event_time, version_hash)
);
COMMENT ON TABLE outcomes.unknown_value IS
    'What members of results said that this version of the projection does not know, a row for each version; kept for a later one '
    'that does. For the writer''s and the owner''s eyes.';
COMMENT ON COLUMN outcomes.unknown_value.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.unknown_value.table_name IS 'The table; the version is in <table_name>_version.';
COMMENT ON COLUMN outcomes.unknown_value.id IS 'Id of the object.';
COMMENT ON COLUMN outcomes.unknown_value.event_time IS 'event_time of the version.';
COMMENT ON COLUMN outcomes.unknown_value.version_hash IS 'version_hash of the version, which covers these values.';
COMMENT ON COLUMN outcomes.unknown_value.members IS 'Name -> value. Personal: it may say who somebody is.';
GRANT SELECT, INSERT ON outcomes.unknown_value TO outcomes_writer;

SELECT outcomes_internal.create_versioned_table('account',
    'Accounts of an institution, the tree along which mastery scales are inherited. From account_created and account_updated.', $columns$
    id bigint NOT NULL          -- Local id of the account: the global id modulo 10^13.
    global_id bigint            -- Global id as Canvas sent it: shard x 10^13 + local id; null where only REST has told of it.
    updated_at timestamptz
    workflow_state text
    name text                   -- Name.
    root_account_id bigint      -- Local id of the root account.
    body_root_account_uuid text -- Uuid of the root account as the body says it; the tenant comes from the metadata.
    parent_account_id bigint    -- Local id of the parent account; null for a root account.
    external_status text        -- Contract state of a root account.
    domain text                 -- Host name of the institution.
    default_time_zone text      -- IANA name.
    default_locale text         -- Language.
$columns$, indexes => $indexes$
    by_parent (root_account_uuid, parent_account_id)
$indexes$);

SELECT outcomes_internal.create_versioned_table('course',
    'Courses and the account that holds each. From course_created and course_updated.', $columns$
    id bigint NOT NULL     -- Local id of the course: the global id modulo 10^13.
    global_id bigint       -- Global id as Canvas sent it: shard x 10^13 + local id; null where only REST has told of it.
    updated_at timestamptz
    workflow_state text
    account_id bigint      -- Local id of the account that holds the course; joins account.id.
    uuid text              -- Uuid; what results call result_context_uuid.
    account_uuid text      -- Uuid of that account.
    name text              -- Name.
    created_at timestamptz -- When Canvas made the row.
$columns$, indexes => $indexes$
    by_account (root_account_uuid, account_id)
$indexes$);

SELECT outcomes_internal.create_versioned_table('learning_outcome',
    'Learning outcomes with their own criterion and calculation method. From learning_outcome_created and '
    'learning_outcome_updated.', $columns$
    id bigint NOT NULL                      -- Local id of the outcome.
    updated_at timestamptz
    workflow_state text
    context_type text                       -- Account or Course; absent for global outcomes.
    context_id bigint                       -- Local id of the owner; absent for global outcomes.
    context_uuid text                       -- Uuid of the owner.
    title text NOT NULL                     -- Title; the same column of Canvas as short_description.
    short_description text                  -- The same as title.
    display_name text                       -- Friendly name for reports; may be empty.
    description text                        -- HTML, sanitised by Canvas.
    vendor_guid text                        -- The school's or vendor's own key; not unique.
    calculation_method text                 -- Stored name of the method; absent means highest. The stored decaying_average is the
                                            -- weighted formula.
    calculation_int integer                 -- Parameter of the method: a weight in percent or a count. Old rows break the legal
                                            -- ranges.
    rubric_criterion jsonb                  -- The outcome's own scale: description, mastery_points, points_possible, ratings.
    copied_from_outcome_id bigint           -- Local id of the outcome that this one was copied from, even where that lives on
                                            -- another shard.
    original_outcome_root_account_uuid text -- Tenant of the original; only where it is on another shard.
$columns$);

SELECT outcomes_internal.create_versioned_table('learning_outcome_group',
    'Groups (folders) of outcomes. From learning_outcome_group_created and learning_outcome_group_updated.', $columns$
    id bigint NOT NULL                     -- Local id of the group.
    updated_at timestamptz
    workflow_state text
    context_type text                      -- Account or Course; absent for global groups.
    context_id bigint                      -- Local id of the owner; absent for global groups.
    context_uuid text                      -- Uuid of the owner.
    title text NOT NULL                    -- Title; the root group of a context is named after it.
    description text                       -- HTML.
    vendor_guid text                       -- The school's or vendor's own key; not unique.
    parent_outcome_group_id bigint         -- Local id of the parent; absent for the root group. Old data holds cycles.
    parent_outcome_group_context_uuid text -- Uuid of the parent's owner.
$columns$, indexes => $indexes$
    by_context (root_account_uuid, context_type, context_id)
$indexes$);

SELECT outcomes_internal.create_versioned_table('learning_outcome_link',
    'Which outcome is in which group of which context. From learning_outcome_link_created and learning_outcome_link_updated.', $columns$
    id bigint NOT NULL                       -- Local id of the link; a new one after unlink and relink.
    updated_at timestamptz
    workflow_state text
    learning_outcome_id bigint NOT NULL      -- The outcome; above 10^13 where it lives on another shard.
    learning_outcome_context_uuid text       -- Uuid of the outcome's owner.
    learning_outcome_group_id bigint         -- Local id of the group that holds the link.
    learning_outcome_group_context_uuid text -- Uuid of the group's owner.
    context_type text                        -- Context of the link: Account, Course, or LearningOutcomeGroup for a global group.
    context_id bigint                        -- Local id of that context.
$columns$, indexes => $indexes$
    by_context (root_account_uuid, context_type, context_id, learning_outcome_id)
$indexes$);

SELECT outcomes_internal.create_versioned_table('learning_outcome_result',
    'Results of students on outcomes, one row per alignment, student and assessed thing. From learning_outcome_result_created and '
    'learning_outcome_result_updated.', $columns$
    id bigint NOT NULL                  -- Local id of the result.
    updated_at timestamptz
    workflow_state text
    learning_outcome_id bigint NOT NULL -- The outcome; above 10^13 where it lives on another shard.
    learning_outcome_context_uuid text  -- Uuid of the outcome's owner.
    result_context_type text            -- Course in practice.
    result_context_id bigint            -- Local id of the course.
    result_context_uuid text            -- Uuid of the course.
    user_uuid text                      -- The student; results have no other reference to a user. id: and the local user id where
                                        -- only REST has told of the result and no event the uuid.
    score double precision              -- Raw points; absent: not scored, or cleared.
    possible double precision           -- Points possible in the assessed thing, not on the scale.
    percent double precision            -- Share of the scale, 1.0 = 100 %; above 1 with extra credit; keeps its old value when
                                        -- the score is cleared.
    mastery boolean                     -- By the criterion's or alignment's threshold when assessed, not by the account's scale.
    original_score double precision     -- First score ever saved; never changes.
    original_possible double precision  -- First possible ever saved; never changes.
    original_mastery boolean            -- First mastery ever saved; never changes.
    attempt integer                     -- Submission attempt; the rubric's version number where the artifact is not a submission.
    assessed_at timestamptz             -- Time of the last assessment.
    created_at timestamptz              -- When Canvas made the row; null where only REST has told of it.
    associated_asset_type text          -- Assignment, Quizzes::Quiz, AssessmentQuestion, LiveAssessments::Assessment.
    associated_asset_id bigint          -- Local id of the assessed thing; absent when the result is deleted.
    artifact_type text                  -- RubricAssessment, Submission, Quizzes::QuizSubmission, LiveAssessments::Submission.
    artifact_id bigint                  -- Local id of what holds the assessment; joins rubric_assessment.id for RubricAssessment.
    artifact_created_at timestamptz     -- When the artifact was made; absent when it is gone.
    artifact_updated_at timestamptz     -- When the artifact last changed; absent when it is gone.
$columns$, indexes => $indexes$
    by_course (root_account_uuid, result_context_id, user_uuid, learning_outcome_id)
    without_course (root_account_uuid) WHERE (outcomes_internal.course_of(result_context_type, result_context_id) IS NULL)
$indexes$, by_year => true, private => true);

SELECT outcomes_internal.create_versioned_table('outcome_calculation_method',
    'Calculation methods of whole accounts and courses. From outcome_calculation_method_created and '
    'outcome_calculation_method_updated.', $columns$
    id bigint NOT NULL               -- Local id.
    updated_at timestamptz
    workflow_state text
    context_type text NOT NULL       -- Account or Course.
    context_id bigint NOT NULL       -- Local id of the owner.
    calculation_method text NOT NULL -- Stored name of the method; the stored decaying_average is the weighted formula.
    calculation_int integer          -- Parameter of the method: a weight in percent or a count.
$columns$, indexes => $indexes$
    by_context (root_account_uuid, context_type, context_id)
$indexes$);

SELECT outcomes_internal.create_versioned_table('outcome_friendly_description',
    'What students read instead of an outcome''s description, per context. From outcome_friendly_description_created and '
    'outcome_friendly_description_updated.', $columns$
    id bigint NOT NULL                  -- Local id.
    updated_at timestamptz
    workflow_state text
    context_type text NOT NULL          -- Account or Course whose students read it.
    context_id bigint NOT NULL          -- Local id of that context.
    description text NOT NULL           -- What students read, at most 255 characters.
    learning_outcome_id bigint NOT NULL -- The outcome.
    learning_outcome_context_uuid text  -- Uuid of the outcome's owner.
    root_account_id bigint              -- LOCAL id of the root account, unlike the member of the same name in metadata.
$columns$);

SELECT outcomes_internal.create_versioned_table('outcome_proficiency',
    'Mastery scales of accounts and courses with all their ratings. From outcome_proficiency_created and '
    'outcome_proficiency_updated.', $columns$
    id bigint NOT NULL                         -- Local id of the scale; negative where only REST has told of it, which gives no
                                               -- id: -2 x context_id for an account, one less for a course.
    updated_at timestamptz
    workflow_state text
    context_type text NOT NULL                 -- Account or Course.
    context_id bigint NOT NULL                 -- Local id of the owner.
    outcome_proficiency_ratings jsonb NOT NULL -- All levels, points falling.
$columns$, indexes => $indexes$
    by_context (root_account_uuid, context_type, context_id)
$indexes$);

SELECT outcomes_internal.create_versioned_table('rubric_assessment',
    'Rubric assessments; they bring the submission time that results lack. From rubric_assessed.', $columns$
    id bigint NOT NULL          -- Local id; learning_outcome_result.artifact_id where artifact_type is RubricAssessment.
    updated_at timestamptz
    workflow_state text         -- Canvas' state word, as it came: active, deleted, archived, retired and others.
    aligned_to_outcomes boolean -- Whether the rubric has criteria aligned to outcomes.
    artifact_type text          -- Submission, ModeratedGrading::ProvisionalGrade or Assignment.
    artifact_id bigint          -- Local id of the artifact.
    assessment_type text        -- grading, peer_review or provisional_grade.
    context_uuid text           -- Uuid of the course.
    submitted_at timestamptz    -- The submission's time, else the assessment's update time.
    created_at timestamptz      -- When Canvas made the row.
    attempt integer             -- Submission attempt.
$columns$, by_year => true, private => true);

CREATE INDEX learning_outcome_result_by_course ON outcomes.learning_outcome_result
       (root_account_uuid, result_context_id, user_uuid, learning_outcome_id);
CREATE INDEX learning_outcome_result_by_outcome ON outcomes.learning_outcome_result (root_account_uuid, learning_outcome_id);
CREATE INDEX learning_outcome_result_without_course ON outcomes.learning_outcome_result (root_account_uuid)
 WHERE outcomes_internal.course_of(result_context_type, result_context_id) IS NULL;


-- The books

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


-- What people decide

CREATE TABLE outcomes.tenant_setting (
    root_account_uuid text COLLATE "C" NOT NULL,
    name text NOT NULL,
    value text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenant_setting_one_value_per_name PRIMARY KEY (root_account_uuid, name)
);
COMMENT ON TABLE outcomes.tenant_setting IS
    'What an institution has decided and no event tells, such as account-level mastery scales.';
COMMENT ON COLUMN outcomes.tenant_setting.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.tenant_setting.name IS 'Name of the setting.';
COMMENT ON COLUMN outcomes.tenant_setting.value IS 'Its value.';
COMMENT ON COLUMN outcomes.tenant_setting.updated_at IS 'When it was set.';
GRANT SELECT, INSERT, UPDATE ON outcomes.tenant_setting TO outcomes_writer;
GRANT SELECT ON outcomes.tenant_setting TO outcomes_reader;

-- Canvas posts no event about grading standards: they are imported from its REST answers, and people say who uses which. Rows are added
-- with the time from which they hold, and never rewritten. Of two that hold from the same moment the later recorded one counts.
CREATE TABLE outcomes.grading_standard (
    root_account_uuid text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    title text NOT NULL,
    context_type text,
    context_id bigint,
    workflow_state text NOT NULL,
    points_based boolean NOT NULL,
    scaling_factor numeric NOT NULL,
    data_version smallint NOT NULL,
    grading_scheme jsonb NOT NULL,
    valid_from timestamptz NOT NULL,
    imported_at timestamptz NOT NULL,
    CONSTRAINT grading_standard_one_row_per_object PRIMARY KEY (root_account_uuid, id),
    CONSTRAINT grading_standard_owner_is_whole CHECK ((context_type IS NULL) = (context_id IS NULL)),
    CONSTRAINT grading_standard_only_points_have_a_factor
        CHECK (scaling_factor > 0 AND (points_based OR scaling_factor = 1))
);
COMMENT ON TABLE outcomes.grading_standard IS
    'Grading standards: letters and the percentages from which they are given. Imported; the newest state of each.';
COMMENT ON COLUMN outcomes.grading_standard.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.grading_standard.id IS 'Local id of the standard.';
COMMENT ON COLUMN outcomes.grading_standard.title IS 'Title; may change while the standard is used.';
COMMENT ON COLUMN outcomes.grading_standard.context_type IS
    'Account or Course that owns the standard; null where the import did not say.';
COMMENT ON COLUMN outcomes.grading_standard.context_id IS 'Local id of the owner.';
COMMENT ON COLUMN outcomes.grading_standard.workflow_state IS
    'active; archived: still counts where it is used; deleted: as if it were not there.';
COMMENT ON COLUMN outcomes.grading_standard.points_based IS
    'Whether people see points instead of percentages; the mapping is the same.';
COMMENT ON COLUMN outcomes.grading_standard.scaling_factor IS 'Points of 100 percent where points_based; else 1.';
COMMENT ON COLUMN outcomes.grading_standard.data_version IS
    'Version of Canvas'' data that was imported; version 1 held upper bounds and was converted.';
COMMENT ON COLUMN outcomes.grading_standard.grading_scheme IS
    'List of {name, value}, falling; value is the lower bound as a fraction, 4 decimals.';
COMMENT ON COLUMN outcomes.grading_standard.valid_from IS
    'Valid time: from when this state holds; the import''s, or what --as-of said.';
COMMENT ON COLUMN outcomes.grading_standard.imported_at IS 'System time: when this state was imported.';
GRANT SELECT, INSERT, UPDATE ON outcomes.grading_standard TO outcomes_writer;
GRANT SELECT ON outcomes.grading_standard TO outcomes_reader;

CREATE TABLE outcomes.grading_standard_version (
    LIKE outcomes.grading_standard INCLUDING COMMENTS INCLUDING CONSTRAINTS,
    CONSTRAINT grading_standard_version_one_row_per_version PRIMARY KEY (root_account_uuid, id, valid_from, imported_at)
);
CREATE INDEX grading_standard_version_by_context ON outcomes.grading_standard_version (root_account_uuid, context_type, context_id);
COMMENT ON TABLE outcomes.grading_standard_version IS
    'Every state of each grading standard that was imported. Rows are added, never changed.';
GRANT SELECT, INSERT ON outcomes.grading_standard_version TO outcomes_writer;
GRANT SELECT ON outcomes.grading_standard_version TO outcomes_reader;

CREATE TABLE outcomes.grading_standard_use (
    root_account_uuid text COLLATE "C" NOT NULL,
    context_type text NOT NULL,
    context_id bigint NOT NULL,
    grading_standard_id bigint,
    valid_from timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT grading_standard_use_one_row_per_change
        PRIMARY KEY (root_account_uuid, context_type, context_id, valid_from, recorded_at),
    CONSTRAINT grading_standard_use_context_type_is_known CHECK (context_type IN ('Assignment', 'Course', 'Account'))
);
COMMENT ON TABLE outcomes.grading_standard_use IS
    'Which grading standard an assignment, a course, or an account as its default uses, and since when. Rows are added, never '
    'changed.';
COMMENT ON COLUMN outcomes.grading_standard_use.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.grading_standard_use.context_type IS 'Assignment, Course or Account.';
COMMENT ON COLUMN outcomes.grading_standard_use.context_id IS 'Local id of the assignment, course or account.';
COMMENT ON COLUMN outcomes.grading_standard_use.grading_standard_id IS 'The standard: grading_standard.id; null for none of its own.';
COMMENT ON COLUMN outcomes.grading_standard_use.valid_from IS 'Valid time: from when it is used.';
COMMENT ON COLUMN outcomes.grading_standard_use.recorded_at IS 'System time: when that was said.';
GRANT SELECT, INSERT ON outcomes.grading_standard_use TO outcomes_writer;
GRANT SELECT ON outcomes.grading_standard_use TO outcomes_reader;


-- What only Canvas' REST API tells

CREATE TABLE outcomes.outcome_alignment_version (
    root_account_uuid text COLLATE "C" NOT NULL,
    course_id bigint NOT NULL,
    learning_outcome_id bigint NOT NULL,
    asset_type text COLLATE "C" NOT NULL,
    asset_id bigint NOT NULL,
    workflow_state text NOT NULL,
    title text,
    submission_types text,
    url text,
    event_time timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    source text NOT NULL,
    CONSTRAINT outcome_alignment_one_row_per_version
        PRIMARY KEY (root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, event_time),
    CONSTRAINT outcome_alignment_asset_type_is_known CHECK (asset_type IN ('Assignment', 'LiveAssessments::Assessment')),
    CONSTRAINT outcome_alignment_state_is_known CHECK (workflow_state IN ('active', 'deleted'))
);
COMMENT ON TABLE outcomes.outcome_alignment_version IS
    'Every state of each alignment that REST told: which assignment or live assessment measures which outcome. Rows are added, '
    'never changed.';
COMMENT ON COLUMN outcomes.outcome_alignment_version.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.outcome_alignment_version.course_id IS 'Local id of the course.';
COMMENT ON COLUMN outcomes.outcome_alignment_version.learning_outcome_id IS 'The outcome.';
COMMENT ON COLUMN outcomes.outcome_alignment_version.asset_type IS
    'Assignment or LiveAssessments::Assessment; what results call associated_asset_type.';
COMMENT ON COLUMN outcomes.outcome_alignment_version.asset_id IS 'Its local id.';
COMMENT ON COLUMN outcomes.outcome_alignment_version.workflow_state IS
    'active; deleted: Canvas no longer told it, and leaves out its results.';
COMMENT ON COLUMN outcomes.outcome_alignment_version.title IS 'Title of the assignment or assessment.';
COMMENT ON COLUMN outcomes.outcome_alignment_version.submission_types IS
    'Its submission types, separated by commas; magic_marker for a live assessment.';
COMMENT ON COLUMN outcomes.outcome_alignment_version.url IS 'Path of the assignment in Canvas.';
COMMENT ON COLUMN outcomes.outcome_alignment_version.event_time IS 'When the request began that told it.';
COMMENT ON COLUMN outcomes.outcome_alignment_version.recorded_at IS 'System time: when it was written.';
COMMENT ON COLUMN outcomes.outcome_alignment_version.source IS 'canvas: and the host that told it.';
GRANT SELECT, INSERT ON outcomes.outcome_alignment_version TO outcomes_writer;
GRANT SELECT ON outcomes.outcome_alignment_version TO outcomes_reader;

CREATE TABLE outcomes.canvas_user (
    root_account_uuid text COLLATE "C" NOT NULL,
    user_id bigint NOT NULL,
    user_uuid text COLLATE "C" NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT canvas_user_one_uuid_per_id PRIMARY KEY (root_account_uuid, user_id)
);
CREATE INDEX canvas_user_by_uuid ON outcomes.canvas_user (root_account_uuid, user_uuid);
COMMENT ON TABLE outcomes.canvas_user IS
    'Which user id of REST is which user_uuid of the feed, learnt from results that both have told.';
COMMENT ON COLUMN outcomes.canvas_user.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.canvas_user.user_id IS 'Local id of the user.';
COMMENT ON COLUMN outcomes.canvas_user.user_uuid IS 'Uuid of the user; joins learning_outcome_result.user_uuid.';
COMMENT ON COLUMN outcomes.canvas_user.recorded_at IS 'When that was learnt.';
GRANT SELECT, INSERT, UPDATE ON outcomes.canvas_user TO outcomes_writer;
GRANT SELECT ON outcomes.canvas_user TO outcomes_reader;

CREATE TABLE outcomes.backfill_run (
    id bigint GENERATED ALWAYS AS IDENTITY,
    root_account_uuid text COLLATE "C" NOT NULL,
    source text NOT NULL,
    scope text NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT backfill_run_one_row_per_run PRIMARY KEY (id)
);
CREATE UNIQUE INDEX backfill_run_one_unfinished ON outcomes.backfill_run (root_account_uuid, source, scope) WHERE finished_at IS NULL;
COMMENT ON TABLE outcomes.backfill_run IS 'Backfills, so that one that was stopped goes on where it was.';
COMMENT ON COLUMN outcomes.backfill_run.id IS 'Number of the run.';
COMMENT ON COLUMN outcomes.backfill_run.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.backfill_run.source IS 'canvas: and the host that is asked.';
COMMENT ON COLUMN outcomes.backfill_run.scope IS 'What is asked for: account:1 with all below it, or course:5.';
COMMENT ON COLUMN outcomes.backfill_run.begun_at IS 'When it began.';
COMMENT ON COLUMN outcomes.backfill_run.finished_at IS 'When all was written, or another one began in its place; null until then.';
GRANT SELECT, INSERT, UPDATE ON outcomes.backfill_run TO outcomes_writer;
GRANT SELECT ON outcomes.backfill_run TO outcomes_reader;

CREATE TABLE outcomes.backfill_step (
    run_id bigint NOT NULL REFERENCES outcomes.backfill_run (id) ON DELETE CASCADE,
    step text COLLATE "C" NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT backfill_step_one_row_per_step PRIMARY KEY (run_id, step)
);
COMMENT ON TABLE outcomes.backfill_step IS 'The parts of a backfill that are written: tree, account:1, course:5.';
COMMENT ON COLUMN outcomes.backfill_step.run_id IS 'The run.';
COMMENT ON COLUMN outcomes.backfill_step.step IS 'The part.';
COMMENT ON COLUMN outcomes.backfill_step.finished_at IS 'When it was written whole.';
GRANT SELECT, INSERT ON outcomes.backfill_step TO outcomes_writer;
GRANT SELECT ON outcomes.backfill_step TO outcomes_reader;


-- Who may read over HTTP

CREATE TABLE outcomes.api_token (
    id bigint GENERATED ALWAYS AS IDENTITY,
    root_account_uuid text COLLATE "C" NOT NULL,
    name text NOT NULL,
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    CONSTRAINT api_token_one_row_per_token PRIMARY KEY (id),
    CONSTRAINT api_token_digest_is_of_one UNIQUE (digest),
    CONSTRAINT api_token_digest_is_sha256 CHECK (length(digest) = 32)
);
COMMENT ON TABLE outcomes.api_token IS 'Tokens for `outcomes serve`, as digests: the token itself is shown once and kept nowhere.';
COMMENT ON COLUMN outcomes.api_token.id IS 'Number for `outcomes token revoke`.';
COMMENT ON COLUMN outcomes.api_token.root_account_uuid IS 'The one tenant that its bearer may read.';
COMMENT ON COLUMN outcomes.api_token.name IS 'What it is for, in its maker''s words.';
COMMENT ON COLUMN outcomes.api_token.digest IS 'SHA-256 of the token.';
COMMENT ON COLUMN outcomes.api_token.created_at IS 'When it was made.';
COMMENT ON COLUMN outcomes.api_token.revoked_at IS 'From when on it opens nothing; null while it does.';
