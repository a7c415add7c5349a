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


-- Why a rollup changed. Its moments are those of the events that can have changed it; at each it is computed anew.
CREATE FUNCTION outcomes.rollup_moment(tenant text, course bigint, student text, outcome bigint)
RETURNS TABLE (at timestamptz, cause text, table_name text, id bigint) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE result AS MATERIALIZED (
        SELECT DISTINCT v.id
          FROM outcomes.learning_outcome_result_version v
         WHERE v.root_account_uuid = tenant
           AND v.result_context_id = course AND coalesce(v.result_context_type, 'Course') = 'Course'
           AND v.user_uuid = student AND v.learning_outcome_id = outcome
         UNION
        SELECT v.id
          FROM outcomes.learning_outcome_result_version v
         WHERE course IS NULL AND v.root_account_uuid = tenant
           AND outcomes.course_of(v.result_context_type, v.result_context_id) IS NULL
           AND v.user_uuid = student AND v.learning_outcome_id = outcome
    ),
    told AS MATERIALIZED (
        SELECT v.id, v.event_time, v.artifact_type, v.artifact_id,
               v.workflow_state = 'active' AND v.score IS NOT NULL AS counts,
               lag(v.workflow_state = 'active' AND v.score IS NOT NULL) OVER was AS counted,
               bool_or(v.workflow_state = 'active' AND v.score IS NOT NULL) OVER (was ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ever
          FROM result
          JOIN outcomes.learning_outcome_result_version v ON v.root_account_uuid = tenant AND v.id = result.id
        WINDOW was AS (PARTITION BY v.id ORDER BY v.event_time, v.event_name, coalesce(v.updated_at, '-infinity'), v.version_hash)
    ),
    hint AS (
        SELECT h.event_time, outcomes.local_id(h.metadata ->> 'context_account_id') AS account
          FROM outcomes.context_hint h
         WHERE h.root_account_uuid = tenant AND h.metadata ->> 'context_type' = 'Course' AND h.metadata ? 'context_account_id'
           AND outcomes.local_id(h.metadata ->> 'context_id') = course
    ),
    rooted AS ( -- what can make an account the root
        SELECT v.event_time, v.id AS account FROM outcomes.account_version v
         WHERE v.root_account_uuid = tenant
           AND v.id IN (SELECT p.id FROM outcomes.account_version p WHERE p.root_account_uuid = tenant AND p.parent_account_id IS NULL)
         UNION ALL
        SELECT min(v.event_time), v.root_account_id FROM outcomes.account_version v
         WHERE v.root_account_uuid = tenant AND v.root_account_id IS NOT NULL GROUP BY v.root_account_id
         UNION ALL
        SELECT min(h.event_time), outcomes.local_id(h.metadata ->> 'root_account_id') FROM outcomes.context_hint h
         WHERE h.root_account_uuid = tenant AND h.metadata ? 'root_account_id' GROUP BY 2
    ),
    owner AS (
        SELECT v.event_time, v.context_type, v.context_id FROM outcomes.outcome_proficiency_version v
         WHERE v.root_account_uuid = tenant
         UNION ALL
        SELECT v.event_time, v.context_type, v.context_id FROM outcomes.outcome_calculation_method_version v
         WHERE v.root_account_uuid = tenant
    ),
    guess AS ( -- before anything has told the root, the only account that owns scales and methods is taken for it
        SELECT owner.event_time, CASE owner.context_type WHEN 'Account' THEN owner.context_id END AS account
          FROM owner
         WHERE owner.event_time < coalesce((SELECT min(rooted.event_time) FROM rooted), 'infinity')
    ),
    above (account) AS (
        SELECT v.account_id FROM outcomes.course_version v WHERE v.root_account_uuid = tenant AND v.id = course
         UNION
        SELECT hint.account FROM hint
         UNION
        SELECT rooted.account FROM rooted
         UNION
        SELECT guess.account FROM guess
         UNION
        SELECT v.parent_account_id FROM above JOIN outcomes.account_version v ON v.root_account_uuid = tenant AND v.id = above.account
    ),
    context AS (
        SELECT 'Course' AS type, course AS id WHERE course IS NOT NULL
         UNION ALL
        SELECT 'Account', above.account FROM above WHERE above.account IS NOT NULL
    )
    SELECT told.event_time,
           CASE WHEN told.counts AND told.counted THEN 'regrade'
                WHEN told.counts AND told.ever THEN 'result restored'
                WHEN told.counts THEN 'new result'
                ELSE 'result deleted' END, 'learning_outcome_result', told.id
      FROM told
     UNION ALL
    SELECT a.event_time, 'submission time', 'rubric_assessment', a.id
      FROM (SELECT DISTINCT told.artifact_id FROM told WHERE told.artifact_type = 'RubricAssessment') seen
      JOIN outcomes.rubric_assessment_version a ON a.root_account_uuid = tenant AND a.id = seen.artifact_id
     UNION ALL
    SELECT v.event_time, CASE WHEN v.workflow_state = 'deleted' THEN 'scale deleted' ELSE 'scale' END, 'outcome_proficiency', v.id
      FROM outcomes.outcome_proficiency_version v
     WHERE v.root_account_uuid = tenant
       AND v.id IN (SELECT s.id FROM context JOIN outcomes.outcome_proficiency_version s
                        ON s.root_account_uuid = tenant AND s.context_type = context.type AND s.context_id = context.id)
     UNION ALL
    SELECT v.event_time, CASE WHEN v.workflow_state = 'deleted' THEN 'calculation method deleted' ELSE 'calculation method' END,
           'outcome_calculation_method', v.id
      FROM outcomes.outcome_calculation_method_version v
     WHERE v.root_account_uuid = tenant
       AND v.id IN (SELECT s.id FROM context JOIN outcomes.outcome_calculation_method_version s
                        ON s.root_account_uuid = tenant AND s.context_type = context.type AND s.context_id = context.id)
     UNION ALL
    SELECT min(owner.event_time), 'account-level scales seen', NULL, NULL FROM owner HAVING count(*) > 0
     UNION ALL
    SELECT guess.event_time, 'root account known', NULL, guess.account FROM guess
     UNION ALL
    SELECT v.event_time, 'course moved', 'course', v.id FROM outcomes.course_version v
     WHERE v.root_account_uuid = tenant AND v.id = course
     UNION ALL
    SELECT h.event_time, 'account of the course known', NULL, h.account
      FROM (SELECT hint.*, lag(hint.account) OVER (ORDER BY hint.event_time, hint.account) AS before FROM hint) h
     WHERE h.account IS DISTINCT FROM h.before
     UNION ALL
    SELECT v.event_time, 'account moved', 'account', v.id
      FROM above JOIN outcomes.account_version v ON v.root_account_uuid = tenant AND v.id = above.account
     UNION ALL
    SELECT rooted.event_time, 'root account known', 'account', rooted.account FROM rooted
     UNION ALL
    SELECT v.event_time, CASE WHEN v.workflow_state = 'deleted' THEN 'outcome deleted' ELSE 'outcome' END, 'learning_outcome', v.id
      FROM outcomes.learning_outcome_version v
     WHERE v.root_account_uuid = tenant AND v.id = outcome
     UNION ALL
    SELECT a.event_time, CASE WHEN a.workflow_state = 'deleted' THEN 'alignment removed' ELSE 'alignment told' END, 'outcome_alignment', a.asset_id
      FROM outcomes.outcome_alignment_version a
     WHERE a.root_account_uuid = tenant AND a.course_id = course AND a.learning_outcome_id = outcome AND a.asset_type = 'Assignment'
     UNION ALL
    SELECT v.event_time, CASE WHEN v.workflow_state = 'deleted' THEN 'outcome unlinked' ELSE 'outcome linked' END,
           'learning_outcome_link', v.id
      FROM outcomes.learning_outcome_link_version v
     WHERE v.root_account_uuid = tenant
       AND v.id IN (SELECT l.id FROM outcomes.learning_outcome_link_version l
                     WHERE l.root_account_uuid = tenant AND l.context_type = 'Course' AND l.context_id = course
                       AND l.learning_outcome_id = outcome)
$$;
COMMENT ON FUNCTION outcomes.rollup_moment IS
    'The events that can have changed a rollup, with what they would be called as a cause. mastery_timeline keeps those that did.';


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
