-- The projection: what Canvas said about learning outcomes, now and over time.
--
-- Each kind of object has three relations. <name> holds the newest state of every object. <name>_version holds every state
-- that any event ever told; rows are added and never rewritten, and a late event takes its place in the past by its
-- event_time. <name>_history shows the versions as periods.
-- A version is newer than another of the same object by (event_time, event_name, updated_at with null first, version_hash):
-- 'created' sorts before 'updated'. Nothing depends on arrival, so there are no foreign keys.

-- Makes <name>_version and <name>_history for a current table. Lives as long as this migration,
-- and not in pg_temp, for which the owner would need TEMPORARY on the database.
CREATE FUNCTION outcomes.add_versions(name text) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
    members text;
    stated text;
BEGIN
    SELECT string_agg(format('v.%I', attname), ', ' ORDER BY attnum) FILTER (WHERE attname NOT IN ('root_account_uuid', 'id')),
           string_agg(format('v.%I', attname), ', ' ORDER BY attnum)
               FILTER (WHERE attname NOT IN ('root_account_uuid', 'id', 'updated_at', 'event_name', 'event_time', 'version_hash'))
      INTO members, stated
      FROM pg_attribute
     WHERE attrelid = format('outcomes.%I', name)::regclass AND attnum > 0;

    EXECUTE format($sql$
        CREATE TABLE outcomes.%1$I (
            LIKE outcomes.%2$I INCLUDING COMMENTS,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            source text NOT NULL,
            partition integer NOT NULL,
            position bigint NOT NULL,
            metadata jsonb,
            CONSTRAINT %3$I PRIMARY KEY (root_account_uuid, id, event_time, version_hash)
        );
        COMMENT ON TABLE outcomes.%1$I IS %4$L;
        COMMENT ON COLUMN outcomes.%1$I.recorded_at IS
            'System time: when the transaction began that added this version.';
        COMMENT ON COLUMN outcomes.%1$I.source IS
            'Where its first record came from: the topic, or file: and the digest of the file.';
        COMMENT ON COLUMN outcomes.%1$I.partition IS 'Kafka partition of that record; 0 for a file.';
        COMMENT ON COLUMN outcomes.%1$I.position IS 'Kafka offset of that record; line or element of a file, from 1.';
        COMMENT ON COLUMN outcomes.%1$I.metadata IS
            'Where the request was made (context_type, context_id, context_account_id, global ids); null for background jobs.';
    $sql$, name || '_version', name, name || '_one_row_per_version',
        format('Every state of each row of %s that any event told, however late. Rows are added, never changed.', name));

    EXECUTE format($sql$
        CREATE VIEW outcomes.%1$I AS
        SELECT v.root_account_uuid, v.id, v.event_time AS valid_from,
               lead(v.event_time) OVER (
                   PARTITION BY v.root_account_uuid, v.id
                   ORDER BY v.event_time, v.event_name, coalesce(v.updated_at, '-infinity'), v.version_hash) AS valid_to,
               %3$s, v.recorded_at, v.source, v.partition, v.position
          FROM (SELECT v.*,
                       ROW(true, %4$s) IS NOT DISTINCT FROM lag(ROW(true, %4$s)) OVER (
                           PARTITION BY v.root_account_uuid, v.id
                           ORDER BY v.event_time, v.event_name, coalesce(v.updated_at, '-infinity'), v.version_hash)
                       AS says_nothing_new
                  FROM outcomes.%2$I v) v
         WHERE NOT v.says_nothing_new;
        COMMENT ON VIEW outcomes.%1$I IS %5$L;
    $sql$, name || '_history', name || '_version', members, stated,
        format('The states of each row of %s as periods [valid_from, valid_to). Neighbours that say the same are one.', name));

    EXECUTE (
        SELECT string_agg(format('COMMENT ON COLUMN outcomes.%I.%I IS %L;', name || '_history', h.attname,
                   CASE h.attname
                       WHEN 'valid_from' THEN 'Start of the period: event_time of the version.'
                       WHEN 'valid_to' THEN 'End of the period: event_time of the next version that says something else; null for the newest.'
                       ELSE col_description(format('outcomes.%I', name || '_version')::regclass, v.attnum)
                   END), ' ')
          FROM pg_attribute h
          LEFT JOIN pg_attribute v
            ON v.attrelid = format('outcomes.%I', name || '_version')::regclass AND v.attname = h.attname
         WHERE h.attrelid = format('outcomes.%I', name || '_history')::regclass AND h.attnum > 0);
END
$body$;


CREATE TABLE outcomes.account (
    root_account_uuid text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    global_id bigint NOT NULL,
    updated_at timestamptz,
    workflow_state text,
    name text,
    root_account_id bigint,
    body_root_account_uuid text,
    parent_account_id bigint,
    external_status text,
    domain text,
    default_time_zone text,
    default_locale text,
    extra jsonb,
    event_name text COLLATE "C" NOT NULL,
    event_time timestamptz NOT NULL,
    version_hash bigint NOT NULL,
    CONSTRAINT account_one_row_per_object PRIMARY KEY (root_account_uuid, id)
) WITH (fillfactor = 85);

COMMENT ON TABLE outcomes.account IS
    'Accounts of an institution, the tree along which mastery scales are inherited. From account_created and account_updated. The newest state of each.';
COMMENT ON COLUMN outcomes.account.root_account_uuid IS
    'Tenant: metadata.root_account_uuid of the event, or the configured default.';
COMMENT ON COLUMN outcomes.account.id IS
    'Local id of the account: the global id modulo 10^13.';
COMMENT ON COLUMN outcomes.account.global_id IS
    'Global id as Canvas sent it: shard x 10^13 + local id.';
COMMENT ON COLUMN outcomes.account.updated_at IS
    'Canvas'' updated_at, whole seconds; only _updated events have it (courses always). Does not move with a scale''s ratings.';
COMMENT ON COLUMN outcomes.account.workflow_state IS
    'Canvas'' state word, as it came; active where the event has none (published examples, streams of 2019).';
COMMENT ON COLUMN outcomes.account.name IS
    'Name.';
COMMENT ON COLUMN outcomes.account.root_account_id IS
    'Local id of the root account.';
COMMENT ON COLUMN outcomes.account.body_root_account_uuid IS
    'Uuid of the root account as the body says it; the tenant comes from the metadata.';
COMMENT ON COLUMN outcomes.account.parent_account_id IS
    'Local id of the parent account; null for a root account.';
COMMENT ON COLUMN outcomes.account.external_status IS
    'Contract state of a root account.';
COMMENT ON COLUMN outcomes.account.domain IS
    'Host name of the institution.';
COMMENT ON COLUMN outcomes.account.default_time_zone IS
    'IANA name.';
COMMENT ON COLUMN outcomes.account.default_locale IS
    'Language.';
COMMENT ON COLUMN outcomes.account.extra IS
    'Members of the body that this version of the projection does not know; null where there are none.';
COMMENT ON COLUMN outcomes.account.event_name IS
    'Name of the Live Event that told this state.';
COMMENT ON COLUMN outcomes.account.event_time IS
    'When Canvas posted that event, milliseconds; the time that orders versions.';
COMMENT ON COLUMN outcomes.account.version_hash IS
    'Hash of event_name and the canonical body: tells apart versions with the same event_time, and breaks ties.';

SELECT outcomes.add_versions('account');


CREATE TABLE outcomes.course (
    root_account_uuid text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    global_id bigint NOT NULL,
    updated_at timestamptz,
    workflow_state text,
    account_id bigint,
    uuid text,
    account_uuid text,
    name text,
    created_at timestamptz,
    extra jsonb,
    event_name text COLLATE "C" NOT NULL,
    event_time timestamptz NOT NULL,
    version_hash bigint NOT NULL,
    CONSTRAINT course_one_row_per_object PRIMARY KEY (root_account_uuid, id)
) WITH (fillfactor = 85);

COMMENT ON TABLE outcomes.course IS
    'Courses and the account that holds each. From course_created and course_updated. The newest state of each.';
COMMENT ON COLUMN outcomes.course.root_account_uuid IS
    'Tenant: metadata.root_account_uuid of the event, or the configured default.';
COMMENT ON COLUMN outcomes.course.id IS
    'Local id of the course: the global id modulo 10^13.';
COMMENT ON COLUMN outcomes.course.global_id IS
    'Global id as Canvas sent it: shard x 10^13 + local id.';
COMMENT ON COLUMN outcomes.course.updated_at IS
    'Canvas'' updated_at, whole seconds; only _updated events have it (courses always). Does not move with a scale''s ratings.';
COMMENT ON COLUMN outcomes.course.workflow_state IS
    'Canvas'' state word, as it came; active where the event has none (published examples, streams of 2019).';
COMMENT ON COLUMN outcomes.course.account_id IS
    'Local id of the account that holds the course; joins account.id.';
COMMENT ON COLUMN outcomes.course.uuid IS
    'Uuid; what results call result_context_uuid.';
COMMENT ON COLUMN outcomes.course.account_uuid IS
    'Uuid of that account.';
COMMENT ON COLUMN outcomes.course.name IS
    'Name.';
COMMENT ON COLUMN outcomes.course.created_at IS
    'When Canvas made the row.';
COMMENT ON COLUMN outcomes.course.extra IS
    'Members of the body that this version of the projection does not know; null where there are none.';
COMMENT ON COLUMN outcomes.course.event_name IS
    'Name of the Live Event that told this state.';
COMMENT ON COLUMN outcomes.course.event_time IS
    'When Canvas posted that event, milliseconds; the time that orders versions.';
COMMENT ON COLUMN outcomes.course.version_hash IS
    'Hash of event_name and the canonical body: tells apart versions with the same event_time, and breaks ties.';

SELECT outcomes.add_versions('course');


CREATE TABLE outcomes.learning_outcome (
    root_account_uuid text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    updated_at timestamptz,
    workflow_state text,
    context_type text,
    context_id bigint,
    context_uuid text,
    title text NOT NULL,
    short_description text,
    display_name text,
    description text,
    vendor_guid text,
    calculation_method text,
    calculation_int integer,
    rubric_criterion jsonb,
    copied_from_outcome_id bigint,
    original_outcome_root_account_uuid text,
    extra jsonb,
    event_name text COLLATE "C" NOT NULL,
    event_time timestamptz NOT NULL,
    version_hash bigint NOT NULL,
    CONSTRAINT learning_outcome_one_row_per_object PRIMARY KEY (root_account_uuid, id)
) WITH (fillfactor = 85);

COMMENT ON TABLE outcomes.learning_outcome IS
    'Learning outcomes with their own criterion and calculation method. From learning_outcome_created and learning_outcome_updated. The newest state of each.';
COMMENT ON COLUMN outcomes.learning_outcome.root_account_uuid IS
    'Tenant: metadata.root_account_uuid of the event, or the configured default.';
COMMENT ON COLUMN outcomes.learning_outcome.id IS
    'Local id of the outcome.';
COMMENT ON COLUMN outcomes.learning_outcome.updated_at IS
    'Canvas'' updated_at, whole seconds; only _updated events have it (courses always). Does not move with a scale''s ratings.';
COMMENT ON COLUMN outcomes.learning_outcome.workflow_state IS
    'Canvas'' state word, as it came; active where the event has none (published examples, streams of 2019).';
COMMENT ON COLUMN outcomes.learning_outcome.context_type IS
    'Account or Course; absent for global outcomes.';
COMMENT ON COLUMN outcomes.learning_outcome.context_id IS
    'Local id of the owner; absent for global outcomes.';
COMMENT ON COLUMN outcomes.learning_outcome.context_uuid IS
    'Uuid of the owner.';
COMMENT ON COLUMN outcomes.learning_outcome.title IS
    'Title; the same column of Canvas as short_description.';
COMMENT ON COLUMN outcomes.learning_outcome.short_description IS
    'The same as title.';
COMMENT ON COLUMN outcomes.learning_outcome.display_name IS
    'Friendly name for reports; may be empty.';
COMMENT ON COLUMN outcomes.learning_outcome.description IS
    'HTML, sanitised by Canvas.';
COMMENT ON COLUMN outcomes.learning_outcome.vendor_guid IS
    'The school''s or vendor''s own key; not unique.';
COMMENT ON COLUMN outcomes.learning_outcome.calculation_method IS
    'Stored name of the method; absent means highest. The stored decaying_average is the weighted formula.';
COMMENT ON COLUMN outcomes.learning_outcome.calculation_int IS
    'Parameter of the method: a weight in percent or a count. Old rows break the legal ranges.';
COMMENT ON COLUMN outcomes.learning_outcome.rubric_criterion IS
    'The outcome''s own scale: description, mastery_points, points_possible, ratings.';
COMMENT ON COLUMN outcomes.learning_outcome.copied_from_outcome_id IS
    'Local id of the outcome that this one was copied from, even where that lives on another shard.';
COMMENT ON COLUMN outcomes.learning_outcome.original_outcome_root_account_uuid IS
    'Tenant of the original; only where it is on another shard.';
COMMENT ON COLUMN outcomes.learning_outcome.extra IS
    'Members of the body that this version of the projection does not know; null where there are none.';
COMMENT ON COLUMN outcomes.learning_outcome.event_name IS
    'Name of the Live Event that told this state.';
COMMENT ON COLUMN outcomes.learning_outcome.event_time IS
    'When Canvas posted that event, milliseconds; the time that orders versions.';
COMMENT ON COLUMN outcomes.learning_outcome.version_hash IS
    'Hash of event_name and the canonical body: tells apart versions with the same event_time, and breaks ties.';

SELECT outcomes.add_versions('learning_outcome');


CREATE TABLE outcomes.learning_outcome_group (
    root_account_uuid text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    updated_at timestamptz,
    workflow_state text,
    context_type text,
    context_id bigint,
    context_uuid text,
    title text NOT NULL,
    description text,
    vendor_guid text,
    parent_outcome_group_id bigint,
    parent_outcome_group_context_uuid text,
    extra jsonb,
    event_name text COLLATE "C" NOT NULL,
    event_time timestamptz NOT NULL,
    version_hash bigint NOT NULL,
    CONSTRAINT learning_outcome_group_one_row_per_object PRIMARY KEY (root_account_uuid, id)
) WITH (fillfactor = 85);

COMMENT ON TABLE outcomes.learning_outcome_group IS
    'Groups (folders) of outcomes. From learning_outcome_group_created and learning_outcome_group_updated. The newest state of each.';
COMMENT ON COLUMN outcomes.learning_outcome_group.root_account_uuid IS
    'Tenant: metadata.root_account_uuid of the event, or the configured default.';
COMMENT ON COLUMN outcomes.learning_outcome_group.id IS
    'Local id of the group.';
COMMENT ON COLUMN outcomes.learning_outcome_group.updated_at IS
    'Canvas'' updated_at, whole seconds; only _updated events have it (courses always). Does not move with a scale''s ratings.';
COMMENT ON COLUMN outcomes.learning_outcome_group.workflow_state IS
    'Canvas'' state word, as it came; active where the event has none (published examples, streams of 2019).';
COMMENT ON COLUMN outcomes.learning_outcome_group.context_type IS
    'Account or Course; absent for global groups.';
COMMENT ON COLUMN outcomes.learning_outcome_group.context_id IS
    'Local id of the owner; absent for global groups.';
COMMENT ON COLUMN outcomes.learning_outcome_group.context_uuid IS
    'Uuid of the owner.';
COMMENT ON COLUMN outcomes.learning_outcome_group.title IS
    'Title; the root group of a context is named after it.';
COMMENT ON COLUMN outcomes.learning_outcome_group.description IS
    'HTML.';
COMMENT ON COLUMN outcomes.learning_outcome_group.vendor_guid IS
    'The school''s or vendor''s own key; not unique.';
COMMENT ON COLUMN outcomes.learning_outcome_group.parent_outcome_group_id IS
    'Local id of the parent; absent for the root group. Old data holds cycles.';
COMMENT ON COLUMN outcomes.learning_outcome_group.parent_outcome_group_context_uuid IS
    'Uuid of the parent''s owner.';
COMMENT ON COLUMN outcomes.learning_outcome_group.extra IS
    'Members of the body that this version of the projection does not know; null where there are none.';
COMMENT ON COLUMN outcomes.learning_outcome_group.event_name IS
    'Name of the Live Event that told this state.';
COMMENT ON COLUMN outcomes.learning_outcome_group.event_time IS
    'When Canvas posted that event, milliseconds; the time that orders versions.';
COMMENT ON COLUMN outcomes.learning_outcome_group.version_hash IS
    'Hash of event_name and the canonical body: tells apart versions with the same event_time, and breaks ties.';

SELECT outcomes.add_versions('learning_outcome_group');


CREATE TABLE outcomes.learning_outcome_link (
    root_account_uuid text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    updated_at timestamptz,
    workflow_state text,
    learning_outcome_id bigint NOT NULL,
    learning_outcome_context_uuid text,
    learning_outcome_group_id bigint,
    learning_outcome_group_context_uuid text,
    context_type text,
    context_id bigint,
    extra jsonb,
    event_name text COLLATE "C" NOT NULL,
    event_time timestamptz NOT NULL,
    version_hash bigint NOT NULL,
    CONSTRAINT learning_outcome_link_one_row_per_object PRIMARY KEY (root_account_uuid, id)
) WITH (fillfactor = 85);

COMMENT ON TABLE outcomes.learning_outcome_link IS
    'Which outcome is in which group of which context. From learning_outcome_link_created and learning_outcome_link_updated. The newest state of each.';
COMMENT ON COLUMN outcomes.learning_outcome_link.root_account_uuid IS
    'Tenant: metadata.root_account_uuid of the event, or the configured default.';
COMMENT ON COLUMN outcomes.learning_outcome_link.id IS
    'Local id of the link; a new one after unlink and relink.';
COMMENT ON COLUMN outcomes.learning_outcome_link.updated_at IS
    'Canvas'' updated_at, whole seconds; only _updated events have it (courses always). Does not move with a scale''s ratings.';
COMMENT ON COLUMN outcomes.learning_outcome_link.workflow_state IS
    'Canvas'' state word, as it came; active where the event has none (published examples, streams of 2019).';
COMMENT ON COLUMN outcomes.learning_outcome_link.learning_outcome_id IS
    'The outcome; above 10^13 where it lives on another shard.';
COMMENT ON COLUMN outcomes.learning_outcome_link.learning_outcome_context_uuid IS
    'Uuid of the outcome''s owner.';
COMMENT ON COLUMN outcomes.learning_outcome_link.learning_outcome_group_id IS
    'Local id of the group that holds the link.';
COMMENT ON COLUMN outcomes.learning_outcome_link.learning_outcome_group_context_uuid IS
    'Uuid of the group''s owner.';
COMMENT ON COLUMN outcomes.learning_outcome_link.context_type IS
    'Context of the link: Account, Course, or LearningOutcomeGroup for a global group.';
COMMENT ON COLUMN outcomes.learning_outcome_link.context_id IS
    'Local id of that context.';
COMMENT ON COLUMN outcomes.learning_outcome_link.extra IS
    'Members of the body that this version of the projection does not know; null where there are none.';
COMMENT ON COLUMN outcomes.learning_outcome_link.event_name IS
    'Name of the Live Event that told this state.';
COMMENT ON COLUMN outcomes.learning_outcome_link.event_time IS
    'When Canvas posted that event, milliseconds; the time that orders versions.';
COMMENT ON COLUMN outcomes.learning_outcome_link.version_hash IS
    'Hash of event_name and the canonical body: tells apart versions with the same event_time, and breaks ties.';

SELECT outcomes.add_versions('learning_outcome_link');


CREATE TABLE outcomes.learning_outcome_result (
    root_account_uuid text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    updated_at timestamptz,
    workflow_state text,
    learning_outcome_id bigint NOT NULL,
    learning_outcome_context_uuid text,
    result_context_type text,
    result_context_id bigint,
    result_context_uuid text,
    user_uuid text,
    score double precision,
    possible double precision,
    percent double precision,
    mastery boolean,
    original_score double precision,
    original_possible double precision,
    original_mastery boolean,
    attempt integer,
    assessed_at timestamptz,
    created_at timestamptz NOT NULL,
    associated_asset_type text,
    associated_asset_id bigint,
    artifact_type text,
    artifact_id bigint,
    artifact_created_at timestamptz,
    artifact_updated_at timestamptz,
    extra jsonb,
    event_name text COLLATE "C" NOT NULL,
    event_time timestamptz NOT NULL,
    version_hash bigint NOT NULL,
    CONSTRAINT learning_outcome_result_one_row_per_object PRIMARY KEY (root_account_uuid, id)
) WITH (fillfactor = 85);

COMMENT ON TABLE outcomes.learning_outcome_result IS
    'Results of students on outcomes, one row per alignment, student and assessed thing. From learning_outcome_result_created and learning_outcome_result_updated. The newest state of each.';
COMMENT ON COLUMN outcomes.learning_outcome_result.root_account_uuid IS
    'Tenant: metadata.root_account_uuid of the event, or the configured default.';
COMMENT ON COLUMN outcomes.learning_outcome_result.id IS
    'Local id of the result.';
COMMENT ON COLUMN outcomes.learning_outcome_result.updated_at IS
    'Canvas'' updated_at, whole seconds; only _updated events have it (courses always). Does not move with a scale''s ratings.';
COMMENT ON COLUMN outcomes.learning_outcome_result.workflow_state IS
    'Canvas'' state word, as it came; active where the event has none (published examples, streams of 2019).';
COMMENT ON COLUMN outcomes.learning_outcome_result.learning_outcome_id IS
    'The outcome; above 10^13 where it lives on another shard.';
COMMENT ON COLUMN outcomes.learning_outcome_result.learning_outcome_context_uuid IS
    'Uuid of the outcome''s owner.';
COMMENT ON COLUMN outcomes.learning_outcome_result.result_context_type IS
    'Course in practice.';
COMMENT ON COLUMN outcomes.learning_outcome_result.result_context_id IS
    'Local id of the course.';
COMMENT ON COLUMN outcomes.learning_outcome_result.result_context_uuid IS
    'Uuid of the course.';
COMMENT ON COLUMN outcomes.learning_outcome_result.user_uuid IS
    'The student; results have no other reference to a user.';
COMMENT ON COLUMN outcomes.learning_outcome_result.score IS
    'Raw points; absent: not scored, or cleared.';
COMMENT ON COLUMN outcomes.learning_outcome_result.possible IS
    'Points possible in the assessed thing, not on the scale.';
COMMENT ON COLUMN outcomes.learning_outcome_result.percent IS
    'Share of the scale, 1.0 = 100 %; above 1 with extra credit; keeps its old value when the score is cleared.';
COMMENT ON COLUMN outcomes.learning_outcome_result.mastery IS
    'By the criterion''s or alignment''s threshold when assessed, not by the account''s scale.';
COMMENT ON COLUMN outcomes.learning_outcome_result.original_score IS
    'First score ever saved; never changes.';
COMMENT ON COLUMN outcomes.learning_outcome_result.original_possible IS
    'First possible ever saved; never changes.';
COMMENT ON COLUMN outcomes.learning_outcome_result.original_mastery IS
    'First mastery ever saved; never changes.';
COMMENT ON COLUMN outcomes.learning_outcome_result.attempt IS
    'Submission attempt; the rubric''s version number where the artifact is not a submission.';
COMMENT ON COLUMN outcomes.learning_outcome_result.assessed_at IS
    'Time of the last assessment.';
COMMENT ON COLUMN outcomes.learning_outcome_result.created_at IS
    'When Canvas made the row.';
COMMENT ON COLUMN outcomes.learning_outcome_result.associated_asset_type IS
    'Assignment, Quizzes::Quiz, AssessmentQuestion, LiveAssessments::Assessment.';
COMMENT ON COLUMN outcomes.learning_outcome_result.associated_asset_id IS
    'Local id of the assessed thing; absent when the result is deleted.';
COMMENT ON COLUMN outcomes.learning_outcome_result.artifact_type IS
    'RubricAssessment, Submission, Quizzes::QuizSubmission, LiveAssessments::Submission.';
COMMENT ON COLUMN outcomes.learning_outcome_result.artifact_id IS
    'Local id of what holds the assessment; joins rubric_assessment.id for RubricAssessment.';
COMMENT ON COLUMN outcomes.learning_outcome_result.artifact_created_at IS
    'When the artifact was made; absent when it is gone.';
COMMENT ON COLUMN outcomes.learning_outcome_result.artifact_updated_at IS
    'When the artifact last changed; absent when it is gone.';
COMMENT ON COLUMN outcomes.learning_outcome_result.extra IS
    'Members of the body that this version of the projection does not know; null where there are none.';
COMMENT ON COLUMN outcomes.learning_outcome_result.event_name IS
    'Name of the Live Event that told this state.';
COMMENT ON COLUMN outcomes.learning_outcome_result.event_time IS
    'When Canvas posted that event, milliseconds; the time that orders versions.';
COMMENT ON COLUMN outcomes.learning_outcome_result.version_hash IS
    'Hash of event_name and the canonical body: tells apart versions with the same event_time, and breaks ties.';

SELECT outcomes.add_versions('learning_outcome_result');


CREATE TABLE outcomes.outcome_calculation_method (
    root_account_uuid text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    updated_at timestamptz,
    workflow_state text,
    context_type text NOT NULL,
    context_id bigint NOT NULL,
    calculation_method text NOT NULL,
    calculation_int integer,
    extra jsonb,
    event_name text COLLATE "C" NOT NULL,
    event_time timestamptz NOT NULL,
    version_hash bigint NOT NULL,
    CONSTRAINT outcome_calculation_method_one_row_per_object PRIMARY KEY (root_account_uuid, id)
) WITH (fillfactor = 85);

COMMENT ON TABLE outcomes.outcome_calculation_method IS
    'Calculation methods of whole accounts and courses. From outcome_calculation_method_created and outcome_calculation_method_updated. The newest state of each.';
COMMENT ON COLUMN outcomes.outcome_calculation_method.root_account_uuid IS
    'Tenant: metadata.root_account_uuid of the event, or the configured default.';
COMMENT ON COLUMN outcomes.outcome_calculation_method.id IS
    'Local id.';
COMMENT ON COLUMN outcomes.outcome_calculation_method.updated_at IS
    'Canvas'' updated_at, whole seconds; only _updated events have it (courses always). Does not move with a scale''s ratings.';
COMMENT ON COLUMN outcomes.outcome_calculation_method.workflow_state IS
    'Canvas'' state word, as it came; active where the event has none (published examples, streams of 2019).';
COMMENT ON COLUMN outcomes.outcome_calculation_method.context_type IS
    'Account or Course.';
COMMENT ON COLUMN outcomes.outcome_calculation_method.context_id IS
    'Local id of the owner.';
COMMENT ON COLUMN outcomes.outcome_calculation_method.calculation_method IS
    'Stored name of the method; the stored decaying_average is the weighted formula.';
COMMENT ON COLUMN outcomes.outcome_calculation_method.calculation_int IS
    'Parameter of the method: a weight in percent or a count.';
COMMENT ON COLUMN outcomes.outcome_calculation_method.extra IS
    'Members of the body that this version of the projection does not know; null where there are none.';
COMMENT ON COLUMN outcomes.outcome_calculation_method.event_name IS
    'Name of the Live Event that told this state.';
COMMENT ON COLUMN outcomes.outcome_calculation_method.event_time IS
    'When Canvas posted that event, milliseconds; the time that orders versions.';
COMMENT ON COLUMN outcomes.outcome_calculation_method.version_hash IS
    'Hash of event_name and the canonical body: tells apart versions with the same event_time, and breaks ties.';

SELECT outcomes.add_versions('outcome_calculation_method');


CREATE TABLE outcomes.outcome_friendly_description (
    root_account_uuid text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    updated_at timestamptz,
    workflow_state text,
    context_type text NOT NULL,
    context_id bigint NOT NULL,
    description text NOT NULL,
    learning_outcome_id bigint NOT NULL,
    learning_outcome_context_uuid text,
    root_account_id bigint,
    extra jsonb,
    event_name text COLLATE "C" NOT NULL,
    event_time timestamptz NOT NULL,
    version_hash bigint NOT NULL,
    CONSTRAINT outcome_friendly_description_one_row_per_object PRIMARY KEY (root_account_uuid, id)
) WITH (fillfactor = 85);

COMMENT ON TABLE outcomes.outcome_friendly_description IS
    'What students read instead of an outcome''s description, per context. From outcome_friendly_description_created and outcome_friendly_description_updated. The newest state of each.';
COMMENT ON COLUMN outcomes.outcome_friendly_description.root_account_uuid IS
    'Tenant: metadata.root_account_uuid of the event, or the configured default.';
COMMENT ON COLUMN outcomes.outcome_friendly_description.id IS
    'Local id.';
COMMENT ON COLUMN outcomes.outcome_friendly_description.updated_at IS
    'Canvas'' updated_at, whole seconds; only _updated events have it (courses always). Does not move with a scale''s ratings.';
COMMENT ON COLUMN outcomes.outcome_friendly_description.workflow_state IS
    'Canvas'' state word, as it came; active where the event has none (published examples, streams of 2019).';
COMMENT ON COLUMN outcomes.outcome_friendly_description.context_type IS
    'Account or Course whose students read it.';
COMMENT ON COLUMN outcomes.outcome_friendly_description.context_id IS
    'Local id of that context.';
COMMENT ON COLUMN outcomes.outcome_friendly_description.description IS
    'What students read, at most 255 characters.';
COMMENT ON COLUMN outcomes.outcome_friendly_description.learning_outcome_id IS
    'The outcome.';
COMMENT ON COLUMN outcomes.outcome_friendly_description.learning_outcome_context_uuid IS
    'Uuid of the outcome''s owner.';
COMMENT ON COLUMN outcomes.outcome_friendly_description.root_account_id IS
    'LOCAL id of the root account, unlike the member of the same name in metadata.';
COMMENT ON COLUMN outcomes.outcome_friendly_description.extra IS
    'Members of the body that this version of the projection does not know; null where there are none.';
COMMENT ON COLUMN outcomes.outcome_friendly_description.event_name IS
    'Name of the Live Event that told this state.';
COMMENT ON COLUMN outcomes.outcome_friendly_description.event_time IS
    'When Canvas posted that event, milliseconds; the time that orders versions.';
COMMENT ON COLUMN outcomes.outcome_friendly_description.version_hash IS
    'Hash of event_name and the canonical body: tells apart versions with the same event_time, and breaks ties.';

SELECT outcomes.add_versions('outcome_friendly_description');


CREATE TABLE outcomes.outcome_proficiency (
    root_account_uuid text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    updated_at timestamptz,
    workflow_state text,
    context_type text NOT NULL,
    context_id bigint NOT NULL,
    outcome_proficiency_ratings jsonb NOT NULL,
    extra jsonb,
    event_name text COLLATE "C" NOT NULL,
    event_time timestamptz NOT NULL,
    version_hash bigint NOT NULL,
    CONSTRAINT outcome_proficiency_one_row_per_object PRIMARY KEY (root_account_uuid, id)
) WITH (fillfactor = 85);

COMMENT ON TABLE outcomes.outcome_proficiency IS
    'Mastery scales of accounts and courses with all their ratings. From outcome_proficiency_created and outcome_proficiency_updated. The newest state of each.';
COMMENT ON COLUMN outcomes.outcome_proficiency.root_account_uuid IS
    'Tenant: metadata.root_account_uuid of the event, or the configured default.';
COMMENT ON COLUMN outcomes.outcome_proficiency.id IS
    'Local id of the scale.';
COMMENT ON COLUMN outcomes.outcome_proficiency.updated_at IS
    'Canvas'' updated_at, whole seconds; only _updated events have it (courses always). Does not move with a scale''s ratings.';
COMMENT ON COLUMN outcomes.outcome_proficiency.workflow_state IS
    'Canvas'' state word, as it came; active where the event has none (published examples, streams of 2019).';
COMMENT ON COLUMN outcomes.outcome_proficiency.context_type IS
    'Account or Course.';
COMMENT ON COLUMN outcomes.outcome_proficiency.context_id IS
    'Local id of the owner.';
COMMENT ON COLUMN outcomes.outcome_proficiency.outcome_proficiency_ratings IS
    'All levels, points falling.';
COMMENT ON COLUMN outcomes.outcome_proficiency.extra IS
    'Members of the body that this version of the projection does not know; null where there are none.';
COMMENT ON COLUMN outcomes.outcome_proficiency.event_name IS
    'Name of the Live Event that told this state.';
COMMENT ON COLUMN outcomes.outcome_proficiency.event_time IS
    'When Canvas posted that event, milliseconds; the time that orders versions.';
COMMENT ON COLUMN outcomes.outcome_proficiency.version_hash IS
    'Hash of event_name and the canonical body: tells apart versions with the same event_time, and breaks ties.';

SELECT outcomes.add_versions('outcome_proficiency');


CREATE TABLE outcomes.rubric_assessment (
    root_account_uuid text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    updated_at timestamptz,
    workflow_state text,
    aligned_to_outcomes boolean,
    artifact_type text,
    artifact_id bigint,
    assessment_type text,
    context_uuid text,
    submitted_at timestamptz,
    created_at timestamptz,
    attempt integer,
    extra jsonb,
    event_name text COLLATE "C" NOT NULL,
    event_time timestamptz NOT NULL,
    version_hash bigint NOT NULL,
    CONSTRAINT rubric_assessment_one_row_per_object PRIMARY KEY (root_account_uuid, id)
) WITH (fillfactor = 85);

COMMENT ON TABLE outcomes.rubric_assessment IS
    'Rubric assessments; they bring the submission time that results lack. From rubric_assessed. The newest state of each.';
COMMENT ON COLUMN outcomes.rubric_assessment.root_account_uuid IS
    'Tenant: metadata.root_account_uuid of the event, or the configured default.';
COMMENT ON COLUMN outcomes.rubric_assessment.id IS
    'Local id; learning_outcome_result.artifact_id where artifact_type is RubricAssessment.';
COMMENT ON COLUMN outcomes.rubric_assessment.updated_at IS
    'Canvas'' updated_at, whole seconds; only _updated events have it (courses always). Does not move with a scale''s ratings.';
COMMENT ON COLUMN outcomes.rubric_assessment.workflow_state IS
    'Canvas'' state word, as it came: active, deleted, archived, retired and others.';
COMMENT ON COLUMN outcomes.rubric_assessment.aligned_to_outcomes IS
    'Whether the rubric has criteria aligned to outcomes.';
COMMENT ON COLUMN outcomes.rubric_assessment.artifact_type IS
    'Submission, ModeratedGrading::ProvisionalGrade or Assignment.';
COMMENT ON COLUMN outcomes.rubric_assessment.artifact_id IS
    'Local id of the artifact.';
COMMENT ON COLUMN outcomes.rubric_assessment.assessment_type IS
    'grading, peer_review or provisional_grade.';
COMMENT ON COLUMN outcomes.rubric_assessment.context_uuid IS
    'Uuid of the course.';
COMMENT ON COLUMN outcomes.rubric_assessment.submitted_at IS
    'The submission''s time, else the assessment''s update time.';
COMMENT ON COLUMN outcomes.rubric_assessment.created_at IS
    'When Canvas made the row.';
COMMENT ON COLUMN outcomes.rubric_assessment.attempt IS
    'Submission attempt.';
COMMENT ON COLUMN outcomes.rubric_assessment.extra IS
    'Members of the body that this version of the projection does not know; null where there are none.';
COMMENT ON COLUMN outcomes.rubric_assessment.event_name IS
    'Name of the Live Event that told this state.';
COMMENT ON COLUMN outcomes.rubric_assessment.event_time IS
    'When Canvas posted that event, milliseconds; the time that orders versions.';
COMMENT ON COLUMN outcomes.rubric_assessment.version_hash IS
    'Hash of event_name and the canonical body: tells apart versions with the same event_time, and breaks ties.';

SELECT outcomes.add_versions('rubric_assessment');

DROP FUNCTION outcomes.add_versions;


CREATE VIEW outcomes.outcome_proficiency_rating AS
SELECT scale.root_account_uuid,
       scale.id AS outcome_proficiency_id,
       scale.context_type,
       scale.context_id,
       rating.ordinality::integer AS level,
       (rating.value ->> 'outcome_proficiency_rating_id')::bigint AS outcome_proficiency_rating_id,
       rating.value ->> 'description' AS description,
       (rating.value ->> 'points')::double precision AS points,
       (rating.value ->> 'mastery')::boolean AS mastery,
       rating.value ->> 'color' AS color,
       coalesce(rating.value ->> 'workflow_state', scale.workflow_state) AS workflow_state
  FROM outcomes.outcome_proficiency scale
 CROSS JOIN LATERAL jsonb_array_elements(scale.outcome_proficiency_ratings) WITH ORDINALITY AS rating;

COMMENT ON VIEW outcomes.outcome_proficiency_rating IS 'The ratings of today''s mastery scales, a row each.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.root_account_uuid IS 'Tenant of the scale.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.outcome_proficiency_id IS 'The scale: outcome_proficiency.id.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.context_type IS 'Account or Course that owns the scale.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.context_id IS 'Local id of the owner.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.level IS 'Place in the scale, 1 is the highest.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.outcome_proficiency_rating_id IS
    'Canvas'' id of the rating; reused by place when the scale is edited.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.description IS 'Name of the level.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.points IS 'Points from which a score is in this level.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.mastery IS 'Whether mastery starts here; one level of a scale has it.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.color IS 'Six hex digits without #.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.workflow_state IS 'active, or deleted together with the scale.';


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

COMMENT ON TABLE outcomes.quarantine IS
    'Events that could not be understood, whole, with the reason. Holds what Canvas sent, personal data included.';
COMMENT ON COLUMN outcomes.quarantine.id IS 'Number for the quarantine commands.';
COMMENT ON COLUMN outcomes.quarantine.source IS 'The topic; for a file file: and the digest of its bytes.';
COMMENT ON COLUMN outcomes.quarantine.partition IS 'Kafka partition; 0 for a file.';
COMMENT ON COLUMN outcomes.quarantine.position IS 'Kafka offset; line or element of a file, from 1.';
COMMENT ON COLUMN outcomes.quarantine.reason IS 'Why, as a word of a closed list.';
COMMENT ON COLUMN outcomes.quarantine.path IS 'Where in the record; empty for the whole.';
COMMENT ON COLUMN outcomes.quarantine.message IS 'Why, as a sentence.';
COMMENT ON COLUMN outcomes.quarantine.event_name IS 'Name of the event, where it could be read.';
COMMENT ON COLUMN outcomes.quarantine.raw IS 'The record as it came; one element where the record held several events.';
COMMENT ON COLUMN outcomes.quarantine.state IS
    'open; retried: understood later and now where it belongs; discarded: a person decided that it is not needed.';
COMMENT ON COLUMN outcomes.quarantine.recorded_at IS 'When it was set aside.';

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
COMMENT ON COLUMN outcomes.ignored_event.event_name IS 'Name of the events; (tombstone) for Kafka messages without a value.';
COMMENT ON COLUMN outcomes.ignored_event.events IS 'How many.';
COMMENT ON COLUMN outcomes.ignored_event.last_event_time IS 'Newest event_time among them.';

CREATE TABLE outcomes.unknown_member (
    source text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    event_name text COLLATE "C" NOT NULL,
    member text COLLATE "C" NOT NULL,
    events bigint NOT NULL,
    CONSTRAINT unknown_member_one_row_per_member PRIMARY KEY (source, partition, event_name, member)
) WITH (fillfactor = 50);

COMMENT ON TABLE outcomes.unknown_member IS
    'The drift report: members that Canvas sends and this projection does not know. Their values are in the column extra.';
COMMENT ON COLUMN outcomes.unknown_member.source IS 'The topic; for a file file: and the digest of its bytes.';
COMMENT ON COLUMN outcomes.unknown_member.partition IS 'Kafka partition; 0 for a file.';
COMMENT ON COLUMN outcomes.unknown_member.event_name IS 'Name of the events.';
COMMENT ON COLUMN outcomes.unknown_member.member IS 'Name of the member, with its parents: rubric_criterion.icon.';
COMMENT ON COLUMN outcomes.unknown_member.events IS 'How many events had it, duplicates included.';

CREATE TABLE outcomes.tenant_setting (
    root_account_uuid text COLLATE "C" NOT NULL,
    name text NOT NULL,
    value text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenant_setting_one_value_per_name PRIMARY KEY (root_account_uuid, name)
);

COMMENT ON TABLE outcomes.tenant_setting IS 'What an institution has decided and no event tells, such as account-level mastery scales.';
COMMENT ON COLUMN outcomes.tenant_setting.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.tenant_setting.name IS 'Name of the setting.';
COMMENT ON COLUMN outcomes.tenant_setting.value IS 'Its value.';
COMMENT ON COLUMN outcomes.tenant_setting.updated_at IS 'When it was set.';


COMMENT ON TABLE outcomes.alembic_version IS 'Which migration this database is at.';
COMMENT ON COLUMN outcomes.alembic_version.version_num IS 'The newest migration that was run.';


-- Roles are of the whole cluster: another database may have made them already, or be making them now.
DO $roles$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['outcomes_writer', 'outcomes_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    NULL; -- made by a migration of another database at this moment
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'role % is missing and may not be created here', role
                        USING HINT = format('Have an administrator run CREATE ROLE %I NOLOGIN, then migrate again.', role),
                              ERRCODE = 'insufficient_privilege';
            END;
        END IF;
    END LOOP;
END
$roles$;

GRANT USAGE ON SCHEMA outcomes TO outcomes_writer, outcomes_reader;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA outcomes TO outcomes_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA outcomes TO outcomes_reader;
REVOKE ALL ON outcomes.quarantine FROM outcomes_reader;

-- A version is never rewritten, not even by a mistake of the writer.
DO $versions$
DECLARE
    version_table regclass;
BEGIN
    FOR version_table IN SELECT oid FROM pg_class
                          WHERE relnamespace = 'outcomes'::regnamespace AND relkind = 'r' AND relname LIKE '%\_version'
                            AND relname <> 'alembic_version' LOOP
        EXECUTE format('REVOKE UPDATE ON %s FROM outcomes_writer', version_table);
    END LOOP;
END
$versions$;
