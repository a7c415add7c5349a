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
