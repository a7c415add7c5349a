-- What Canvas' REST API tells and the feed does not: alignments, which user an id is, scales and trees that nobody has changed since
-- the feed began. And the tokens of those who read the projection over HTTP.
--
-- A snapshot from REST becomes a version like any other (<table>_backfilled, stamped with the time when its request began). Three
-- things are new in the old tables for it: a global id, and when a result was made, may be unknown; a scale whose id no event has
-- told has a negative one; and rollups leave out the results of alignments that Canvas no longer has, as Canvas does.

SET LOCAL lock_timeout = '800ms'; -- this one gives way, not the worker

DO $built$
BEGIN
    IF NOT (SELECT i.indisvalid FROM pg_index i WHERE i.indexrelid = 'outcomes.learning_outcome_result_by_outcome'::regclass) THEN
        RAISE EXCEPTION 'an index was not built to its end'
              USING HINT = 'DROP INDEX outcomes.learning_outcome_result_by_outcome, and migrate again.', ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END
$built$;

ALTER TABLE outcomes.account_version ALTER COLUMN global_id DROP NOT NULL;
ALTER TABLE outcomes.account ALTER COLUMN global_id DROP NOT NULL;
ALTER TABLE outcomes.course_version ALTER COLUMN global_id DROP NOT NULL;
ALTER TABLE outcomes.course ALTER COLUMN global_id DROP NOT NULL;
ALTER TABLE outcomes.learning_outcome_result_version ALTER COLUMN created_at DROP NOT NULL;
DO $partitions$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'outcomes.learning_outcome_result_version'::regclass ORDER BY 1 LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN created_at DROP NOT NULL', partition);
    END LOOP;
END
$partitions$;
ALTER TABLE outcomes.learning_outcome_result ALTER COLUMN created_at DROP NOT NULL;

DO $comments$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['account', 'account_version', 'account_history', 'course', 'course_version', 'course_history'] LOOP
        EXECUTE format('COMMENT ON COLUMN outcomes.%I.global_id IS %L', relation,
                       'Global id as Canvas sent it: shard x 10^13 + local id; null where only REST has told of it.');
    END LOOP;
    FOREACH relation IN ARRAY ARRAY['outcome_proficiency', 'outcome_proficiency_version', 'outcome_proficiency_history'] LOOP
        EXECUTE format('COMMENT ON COLUMN outcomes.%I.%I IS %L', relation, 'id',
                       'Local id of the scale; negative where only REST has told of it, which gives no id: -2 x context_id for an account, one less for a course.');
    END LOOP;
    FOREACH relation IN ARRAY ARRAY['learning_outcome_result', 'learning_outcome_result_version', 'learning_outcome_result_history'] LOOP
        EXECUTE format('COMMENT ON COLUMN outcomes.%I.user_uuid IS %L', relation,
                       'The student; results have no other reference to a user. id: and the local user id where only REST has told of the result and no event the uuid.');
        EXECUTE format('COMMENT ON COLUMN outcomes.%I.created_at IS %L', relation,
                       'When Canvas made the row; null where only REST has told of it.');
    END LOOP;
END
$comments$;


-- Alignments

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
    'Every state of each alignment that REST told: which assignment or live assessment measures which outcome. Rows are added, never changed.';
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

CREATE VIEW outcomes.outcome_alignment AS
SELECT DISTINCT ON (root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id)
       root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, workflow_state, title, submission_types, url, event_time
  FROM outcomes.outcome_alignment_version
 ORDER BY root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, event_time DESC;
COMMENT ON VIEW outcomes.outcome_alignment IS 'The newest state of each alignment that REST told.';

CREATE VIEW outcomes.outcome_alignment_history AS
SELECT root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, event_time AS valid_from,
       lead(event_time) OVER (PARTITION BY root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id
                              ORDER BY event_time) AS valid_to,
       workflow_state, title, submission_types, url, recorded_at, source
  FROM outcomes.outcome_alignment_version;
COMMENT ON VIEW outcomes.outcome_alignment_history IS 'The states of each alignment as periods [valid_from, valid_to).';

DO $comments$
DECLARE
    of_view record;
BEGIN
    FOR of_view IN
        SELECT format('COMMENT ON COLUMN %s.%I IS %L', seen.attrelid::regclass, seen.attname,
                      CASE seen.attname WHEN 'valid_from' THEN 'Start of the period: when the request began that told it.'
                                        WHEN 'valid_to' THEN 'End of the period; null for the newest.'
                                        ELSE col_description(kept.attrelid, kept.attnum) END) AS statement
          FROM pg_attribute seen
          LEFT JOIN pg_attribute kept
            ON kept.attrelid = 'outcomes.outcome_alignment_version'::regclass AND kept.attname = seen.attname
         WHERE seen.attrelid IN ('outcomes.outcome_alignment'::regclass, 'outcomes.outcome_alignment_history'::regclass)
           AND seen.attnum > 0 LOOP
        EXECUTE of_view.statement;
    END LOOP;
END
$comments$;

CREATE FUNCTION outcomes.outcome_alignment_at(tenant text, course bigint, at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS SETOF outcomes.outcome_alignment LANGUAGE sql STABLE PARALLEL SAFE ROWS 10 AS $$
    SELECT DISTINCT ON (v.learning_outcome_id, v.asset_type, v.asset_id)
           v.root_account_uuid, v.course_id, v.learning_outcome_id, v.asset_type, v.asset_id, v.workflow_state, v.title,
           v.submission_types, v.url, v.event_time
      FROM outcomes.outcome_alignment_version v
     WHERE v.root_account_uuid = tenant AND v.course_id = course
       AND v.event_time <= coalesce(at, 'infinity') AND v.recorded_at <= coalesce(known_at, 'infinity')
     ORDER BY v.learning_outcome_id, v.asset_type, v.asset_id, v.event_time DESC
$$;
COMMENT ON FUNCTION outcomes.outcome_alignment_at IS
    'The alignments of a course as REST had told them by a moment, removed ones as deleted; at null is now.';


-- Rollups leave out what Canvas leaves out: results of an alignment that is gone. A result that is newer than the news of its
-- removal proves that the alignment was made again. The functions of 0004 stay as they are but for this.
DO $rollups$
DECLARE
    signature text;
    before text;
    definition text;
    counts constant text := 's.workflow_state = ''active'' AND s.score IS NOT NULL AND s.user_uuid IS NOT NULL';
    aligned constant text := counts || '
           AND NOT EXISTS (SELECT
                             FROM outcomes.outcome_alignment_at(tenant, course, at, known_at) gone
                            WHERE gone.workflow_state = ''deleted'' AND gone.asset_type = ''Assignment''
                              AND s.associated_asset_type = ''Assignment'' AND gone.asset_id = s.associated_asset_id
                              AND gone.learning_outcome_id = s.learning_outcome_id AND s.event_time <= gone.event_time)';
    narrow constant text := 'r.associated_asset_type, r.associated_asset_id
              FROM outcomes.learning_outcome_result r';
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'outcomes.rollup_of(text, bigint, timestamptz, timestamptz)',
        'outcomes.course_outcome_summary_of(text, bigint, timestamptz, timestamptz)',
        'outcomes.student_rollup_with(text, bigint, text, bigint, timestamptz, timestamptz, jsonb, boolean, text, integer)',
        'outcomes.rollup_input(text, bigint, text, bigint, timestamptz, timestamptz)'] LOOP
        before := pg_get_functiondef(signature::regprocedure);
        definition := replace(replace(before, counts, aligned), narrow, replace(narrow, 'r.associated_asset_id', 'r.associated_asset_id, r.event_time'));
        ASSERT length(definition) = length(before) + 4 * (length(aligned) - length(counts)) + 2 * length(', r.event_time'), signature;
        EXECUTE definition;
    END LOOP;

    -- The same for some students of a course: a page of a gradebook.
    before := pg_get_functiondef('outcomes.rollup_of(text, bigint, timestamptz, timestamptz)'::regprocedure);
    definition := replace(replace(replace(before,
        'outcomes.rollup_of(tenant text, course bigint, at', 'outcomes.rollup_of_students(tenant text, course bigint, students text[], at'),
        '(r.result_context_type = ''Course'' OR r.result_context_type IS NULL)',
        '(r.result_context_type = ''Course'' OR r.result_context_type IS NULL) AND r.user_uuid = ANY (students)'),
        'outcomes.course_of(r.result_context_type, r.result_context_id) IS NULL',
        'outcomes.course_of(r.result_context_type, r.result_context_id) IS NULL AND r.user_uuid = ANY (students)');
    ASSERT length(definition) > length(before) + 5 * length(' AND r.user_uuid = ANY (students)');
    EXECUTE definition;

    before := pg_get_functiondef('outcomes.rollup_moment(text, bigint, text, bigint)'::regprocedure);
    definition := regexp_replace(before, '( *UNION ALL\s+SELECT v\.event_time, CASE WHEN v\.workflow_state = ''deleted'' THEN ''outcome unlinked'')',
        '     UNION ALL
    SELECT a.event_time, CASE WHEN a.workflow_state = ''deleted'' THEN ''alignment removed'' ELSE ''alignment told'' END, ''outcome_alignment'', a.asset_id
      FROM outcomes.outcome_alignment_version a
     WHERE a.root_account_uuid = tenant AND a.course_id = course AND a.learning_outcome_id = outcome AND a.asset_type = ''Assignment''
\1');
    ASSERT definition <> before;
    EXECUTE definition;

    -- Of the rows of one context the newest counts, whatever its state: what REST told under a negative id is over when the feed tells
    -- the same scale, deleted or not.
    before := pg_get_functiondef('outcomes.mastery_setting(text, text, bigint, timestamptz, timestamptz)'::regprocedure);
    definition := regexp_replace(before, ' AND ([sm])\.workflow_state = ''active''(\s+ORDER BY)', '\2', 'g');
    definition := replace(definition, 'IF FOUND THEN
                    outcome_proficiency_id', 'IF FOUND AND scale.workflow_state = ''active'' THEN
                    outcome_proficiency_id');
    definition := replace(definition, 'IF FOUND THEN
                    outcome_calculation_method_id', 'IF FOUND AND method.workflow_state = ''active'' THEN
                    outcome_calculation_method_id');
    ASSERT length(definition) = length(before) - 2 * length(' AND s.workflow_state = ''active''')
                                + length(' AND scale.workflow_state = ''active''') + length(' AND method.workflow_state = ''active''');
    EXECUTE definition;
END
$rollups$;
COMMENT ON FUNCTION outcomes.rollup_of_students IS 'rollup_of for these students of the course alone.';


-- What a backfill remembers

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


-- What is below an account, and what a context owns: small tables, asked by their owners.
CREATE INDEX account_version_by_parent ON outcomes.account_version (root_account_uuid, parent_account_id);
CREATE INDEX course_version_by_account ON outcomes.course_version (root_account_uuid, account_id);
CREATE INDEX learning_outcome_group_version_by_context ON outcomes.learning_outcome_group_version (root_account_uuid, context_type, context_id);
CREATE INDEX grading_standard_version_by_context ON outcomes.grading_standard_version (root_account_uuid, context_type, context_id);


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

CREATE FUNCTION outcomes.token_tenant(digest bytea) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.root_account_uuid FROM outcomes.api_token t WHERE t.digest = token_tenant.digest AND t.revoked_at IS NULL
$$;
COMMENT ON FUNCTION outcomes.token_tenant IS 'The tenant that a token opens, by its SHA-256; null where it opens none. Readers see no tokens, only this.';


GRANT SELECT, INSERT ON outcomes.outcome_alignment_version, outcomes.backfill_step TO outcomes_writer;
GRANT SELECT, INSERT, UPDATE ON outcomes.canvas_user, outcomes.backfill_run TO outcomes_writer;
GRANT SELECT ON outcomes.outcome_alignment, outcomes.outcome_alignment_history TO outcomes_writer;
GRANT SELECT ON outcomes.outcome_alignment_version, outcomes.outcome_alignment, outcomes.outcome_alignment_history, outcomes.canvas_user,
                outcomes.backfill_run, outcomes.backfill_step
   TO outcomes_reader;
REVOKE EXECUTE ON FUNCTION outcomes.token_tenant FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes.token_tenant TO outcomes_reader, outcomes_writer;
