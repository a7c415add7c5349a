-- What no event tells: what people decide, what only Canvas' REST API shows, and who may read over HTTP.

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
