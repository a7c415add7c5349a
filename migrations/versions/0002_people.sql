-- People and places: users, enrolments, sections, terms, assignments, submissions, and what only REST tells of them.
--
-- Names lie in person_name alone, for the role outcomes_people. Which uuid is which user's is a relation, user_identity: Canvas can give
-- a user's uuid to another user.

-- Until now canvas_user was what backfill learnt from results. It becomes the relation, and its name that of a kind of object.
ALTER TABLE outcomes.canvas_user RENAME TO user_identity;
ALTER TABLE outcomes.user_identity DROP CONSTRAINT canvas_user_one_uuid_per_id;
DROP INDEX outcomes.canvas_user_by_uuid;
ALTER TABLE outcomes.user_identity
    ADD COLUMN since timestamptz NOT NULL DEFAULT '-infinity',
    ADD CONSTRAINT user_identity_one_row_per_pair PRIMARY KEY (root_account_uuid, user_uuid, user_id);
ALTER TABLE outcomes.user_identity ALTER COLUMN since DROP DEFAULT;
CREATE INDEX user_identity_by_user ON outcomes.user_identity (root_account_uuid, user_id, since);
COMMENT ON TABLE outcomes.user_identity IS
    'Which uuid of the feed is which user of Canvas. Usually one is the other''s for ever. When Canvas merges users, a uuid can become that '
    'of another user, and come back: then it has a row for each, and the versions of users and enrolments tell when it was whose.';
COMMENT ON COLUMN outcomes.user_identity.user_id IS 'Local id of the user. Personal.';
COMMENT ON COLUMN outcomes.user_identity.user_uuid IS 'The uuid; joins learning_outcome_result.user_uuid. Personal.';
COMMENT ON COLUMN outcomes.user_identity.since IS 'The earliest moment for which an event, or REST, told that the user has the uuid.';
COMMENT ON COLUMN outcomes.user_identity.recorded_at IS 'System time: when the pair was first known.';

SELECT outcomes_internal.create_versioned_table('assignment',
    'Assignments: the titles and dates of what results assess. From assignment_created and assignment_updated.', $columns$
    id bigint NOT NULL                -- Local id of the assignment.
    global_id bigint                  -- Global id as Canvas sent it: shard x 10^13 + local id; null where only REST has told of
                                      -- it.
    updated_at timestamptz
    workflow_state text
    context_type text                 -- Course.
    context_id bigint                 -- Local id of the course.
    context_uuid text                 -- Uuid of the course.
    assignment_group_id bigint        -- Local id of the assignment group.
    title text                        -- Title.
    submission_types text             -- Separated by commas, such as online_quiz, external_tool, discussion_topic.
    points_possible double precision  -- Points possible.
    due_at timestamptz                -- Due date, without those of single sections or students.
    unlock_at timestamptz             -- From when on students see it.
    lock_at timestamptz               -- From when on nobody can hand in.
    created_on_blueprint_sync boolean -- Whether a blueprint course made it.
$columns$, indexes => $indexes$
    by_context (root_account_uuid, context_id)
$indexes$, private => true);

SELECT outcomes_internal.create_versioned_table('assignment_detail',
    'What only REST tells of an assignment. A kind of its own: an event replaces all columns of an assignment. From Canvas'' REST '
    'API.', $columns$
    id bigint NOT NULL     -- Local id of the assignment; joins assignment.id.
    updated_at timestamptz
    workflow_state text
    course_id bigint       -- Local id of the course.
    quiz_id bigint         -- Local id of the classic quiz that the assignment stands for.
    post_manually boolean  -- Whether grades stay hidden from students until somebody posts them.
    grading_type text      -- Such as points, pass_fail, not_graded.
$columns$);

SELECT outcomes_internal.create_versioned_table('canvas_user',
    'Users of Canvas, and which uuid each has. From user_created and user_updated.', $columns$
    id bigint NOT NULL     -- Local id of the user.
    global_id bigint       -- Global id as Canvas sent it: shard x 10^13 + local id; null where only REST has told of it.
    updated_at timestamptz
    workflow_state text
    uuid text              -- Uuid; what results call user_uuid.
    created_at timestamptz -- When Canvas made the row.
$columns$, by_year => true, private => true);

SELECT outcomes_internal.create_versioned_table('course_detail',
    'What only REST tells of a course. A kind of its own: an event replaces all columns of a course. From Canvas'' REST API.', $columns$
    id bigint NOT NULL        -- Local id of the course; joins course.id.
    updated_at timestamptz
    workflow_state text
    enrollment_term_id bigint -- Local id of its term.
    course_code text          -- Short name, such as BIO-101.
    start_at timestamptz      -- Start of the course's own dates.
    end_at timestamptz        -- End of the course's own dates.
    sis_course_id text        -- SIS id of the course.
$columns$, indexes => $indexes$
    by_term (root_account_uuid, enrollment_term_id)
$indexes$);

SELECT outcomes_internal.create_versioned_table('course_section',
    'Sections of courses. All ids are local, unlike those of enrolments. Canvas gives a section no times of its own. From '
    'course_section_created and course_section_updated.', $columns$
    id bigint NOT NULL                            -- Local id of the section.
    updated_at timestamptz
    workflow_state text
    course_id bigint                              -- Local id of the course that the section is in now.
    nonxlist_course_id bigint                     -- Local id of the course that a cross-listed section came from; absent where
                                                  -- it is not cross-listed.
    root_account_id bigint                        -- Local id of the root account.
    enrollment_term_id bigint                     -- Local id of the section's own term; absent as a rule.
    name text                                     -- Name.
    default_section boolean                       -- Whether Canvas made it together with the course.
    start_at timestamptz                          -- Start of the section's own dates.
    end_at timestamptz                            -- End of the section's own dates.
    restrict_enrollments_to_section_dates boolean -- Whether the section's own dates apply instead of the course's.
    sis_source_id text                            -- SIS id of the section.
    integration_id text                           -- The institution's second id of the section.
    sis_batch_id bigint                           -- The SIS import that changed it last.
$columns$, indexes => $indexes$
    by_course (root_account_uuid, course_id)
$indexes$, private => true);

SELECT outcomes_internal.create_versioned_table('enrollment',
    'Enrolments: who is in which course and section, and as what. From enrollment_created and enrollment_updated.', $columns$
    id bigint NOT NULL                         -- Local id of the enrolment.
    global_id bigint                           -- Global id as Canvas sent it: shard x 10^13 + local id; null where only REST
                                               -- has told of it.
    updated_at timestamptz
    workflow_state text
    course_id bigint                           -- Local id of the course.
    course_uuid text                           -- Uuid of the course; absent before about 2024.
    user_id bigint                             -- Local id of the user.
    user_uuid text                             -- Uuid of the user; absent before about 2024.
    course_section_id bigint                   -- Local id of the section.
    type text                                  -- StudentEnrollment, TeacherEnrollment, TaEnrollment, DesignerEnrollment,
                                               -- ObserverEnrollment, or StudentViewEnrollment for the test student.
    created_at timestamptz                     -- When Canvas made the row.
    limit_privileges_to_course_section boolean -- Whether a teacher sees only the students of this section.
    associated_user_id bigint                  -- Local id of the student whom an observer observes.
$columns$, indexes => $indexes$
    by_course (root_account_uuid, course_id)
    by_section (root_account_uuid, course_section_id)
    by_user (root_account_uuid, user_id)
$indexes$, by_year => true, private => true);

SELECT outcomes_internal.create_versioned_table('enrollment_state',
    'The state of an enrolment that results from the dates of its term, course and section. From enrollment_state_created and '
    'enrollment_state_updated.', $columns$
    id bigint NOT NULL            -- Local id of the enrolment.
    global_id bigint              -- Global id as Canvas sent it: shard x 10^13 + local id; null where only REST has told of it.
    updated_at timestamptz
    workflow_state text
    state text                    -- pending_invited, pending_active, invited, active, completed, inactive, creation_pending,
                                  -- rejected or deleted.
    state_started_at timestamptz  -- Since when that state holds.
    state_is_current boolean      -- Whether Canvas has brought the state up to date.
    state_valid_until timestamptz -- When the state changes next.
    restricted_access boolean     -- Whether the user may not enter the course in this state.
    access_is_current boolean     -- Whether Canvas has brought restricted_access up to date.
$columns$, by_year => true, private => true);

SELECT outcomes_internal.create_versioned_table('enrollment_term',
    'Terms of a root account. Only REST tells them. From Canvas'' REST API.', $columns$
    id bigint NOT NULL             -- Local id of the term.
    updated_at timestamptz
    workflow_state text
    name text                      -- Name.
    start_at timestamptz           -- Start; absent: open.
    end_at timestamptz             -- End; absent: open.
    created_at timestamptz         -- When Canvas made the row.
    sis_term_id text               -- SIS id of the term.
    grading_period_group_id bigint -- Local id of its set of grading periods.
$columns$);

SELECT outcomes_internal.create_versioned_table('sis_batch',
    'SIS imports. One that is done may have changed enrolments without an event. From sis_batch_created and sis_batch_updated.', $columns$
    id bigint NOT NULL     -- Local id of the import.
    updated_at timestamptz
    workflow_state text
    account_id bigint      -- Local id of the account that it was made in.
$columns$, private => true);

SELECT outcomes_internal.create_versioned_table('submission',
    'When a student handed something in, and when the grade was posted to the student. From submission_created and '
    'submission_updated.', $columns$
    id bigint NOT NULL       -- Local id of the submission.
    global_id bigint         -- Global id as Canvas sent it: shard x 10^13 + local id; null where only REST has told of it.
    updated_at timestamptz
    workflow_state text
    assignment_id bigint     -- Local id of the assignment.
    user_id bigint           -- Local id of the student.
    submitted_at timestamptz -- When the newest attempt was handed in.
    posted_at timestamptz    -- When the grade was shown to the student.
$columns$, indexes => $indexes$
    by_work (root_account_uuid, assignment_id, user_id)
$indexes$, by_year => true, private => true);

SELECT outcomes_internal.create_versioned_table('user_merge',
    'Users that Canvas has merged into others. Only REST tells: merged_into_user_id of a deleted user. From Canvas'' REST API.', $columns$
    id bigint NOT NULL         -- Local id of the user that is gone.
    updated_at timestamptz
    workflow_state text
    merged_into_user_id bigint -- Local id of the user that took over its enrolments; null: Canvas has split them again.
$columns$, indexes => $indexes$
    by_target (root_account_uuid, merged_into_user_id)
$indexes$, private => true);

-- For the current tables, which create_versioned_table gives no indexes of their own.
CREATE INDEX assignment_by_context ON outcomes.assignment (root_account_uuid, context_id);
CREATE INDEX course_detail_by_term ON outcomes.course_detail (root_account_uuid, enrollment_term_id);
CREATE INDEX course_section_by_course ON outcomes.course_section (root_account_uuid, course_id);
CREATE INDEX enrollment_by_course ON outcomes.enrollment (root_account_uuid, course_id);
CREATE INDEX enrollment_by_section ON outcomes.enrollment (root_account_uuid, course_section_id);
CREATE INDEX submission_by_work ON outcomes.submission (root_account_uuid, assignment_id, user_id);

-- Every way to write a version tells whose uuid is whose. The triggers fire in a session with session_replication_role = replica too.
CREATE TRIGGER learn_user_identity AFTER INSERT ON outcomes.canvas_user_version REFERENCING NEW TABLE AS told
   FOR EACH STATEMENT EXECUTE FUNCTION outcomes_internal.learn_user_identity('id', 'uuid');
ALTER TABLE outcomes.canvas_user_version ENABLE ALWAYS TRIGGER learn_user_identity;
CREATE TRIGGER learn_user_identity AFTER INSERT ON outcomes.enrollment_version REFERENCING NEW TABLE AS told
   FOR EACH STATEMENT EXECUTE FUNCTION outcomes_internal.learn_user_identity('user_id', 'user_uuid');
ALTER TABLE outcomes.enrollment_version ENABLE ALWAYS TRIGGER learn_user_identity;

CREATE TABLE outcomes.user_past_uuid (
    root_account_uuid text COLLATE "C" NOT NULL,
    course_id bigint NOT NULL,
    user_id bigint NOT NULL,
    user_uuid text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_past_uuid_one_row_per_course PRIMARY KEY (root_account_uuid, user_uuid, course_id, user_id)
);
COMMENT ON TABLE outcomes.user_past_uuid IS
    'Uuids under which New Quizzes and LTI tools still know a user in a course, after Canvas merged another user into them. REST told them.';
COMMENT ON COLUMN outcomes.user_past_uuid.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.user_past_uuid.course_id IS 'Local id of the course.';
COMMENT ON COLUMN outcomes.user_past_uuid.user_id IS 'Local id of the user who remains. Personal.';
COMMENT ON COLUMN outcomes.user_past_uuid.user_uuid IS 'The uuid of the user who is gone. Personal.';
COMMENT ON COLUMN outcomes.user_past_uuid.since IS 'When the request began that first told it.';
COMMENT ON COLUMN outcomes.user_past_uuid.recorded_at IS 'System time: when it was written.';
GRANT SELECT, INSERT, UPDATE ON outcomes.user_past_uuid TO outcomes_writer;
GRANT SELECT ON outcomes.user_past_uuid TO outcomes_reader;

CREATE TABLE outcomes.roster_reading (
    root_account_uuid text COLLATE "C" NOT NULL,
    course_id bigint NOT NULL,
    event_time timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT roster_reading_one_row_per_moment PRIMARY KEY (root_account_uuid, course_id, event_time)
);
COMMENT ON TABLE outcomes.roster_reading IS
    'When REST told the whole roster of a course. Whoever is not in it by then was not enrolled.';
COMMENT ON COLUMN outcomes.roster_reading.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.roster_reading.course_id IS 'Local id of the course.';
COMMENT ON COLUMN outcomes.roster_reading.event_time IS 'When the first request began that told it.';
COMMENT ON COLUMN outcomes.roster_reading.recorded_at IS 'System time: when it was written.';
GRANT SELECT, INSERT ON outcomes.roster_reading TO outcomes_writer;
GRANT SELECT ON outcomes.roster_reading TO outcomes_reader;

CREATE TABLE outcomes.person_name (
    root_account_uuid text COLLATE "C" NOT NULL,
    user_id bigint NOT NULL,
    name text,
    short_name text,
    sortable_name text,
    login text,
    sis_user_id text,
    told_at timestamptz NOT NULL,
    by_event jsonb,
    by_rest jsonb,
    CONSTRAINT person_name_one_row_per_user PRIMARY KEY (root_account_uuid, user_id)
);
COMMENT ON TABLE outcomes.person_name IS
    'Names of people, where OUTCOMES_PEOPLE is names; otherwise empty. Only members of outcomes_people and outcomes_writer read it.';
COMMENT ON COLUMN outcomes.person_name.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.person_name.user_id IS 'Local id of the user; joins canvas_user.id. Personal.';
COMMENT ON COLUMN outcomes.person_name.name IS 'Full name, as it was told last. Personal.';
COMMENT ON COLUMN outcomes.person_name.short_name IS 'Display name. Personal.';
COMMENT ON COLUMN outcomes.person_name.sortable_name IS
    'Name by which Canvas sorts: from REST where that told it of this name, else made of the name as Canvas does it. Personal.';
COMMENT ON COLUMN outcomes.person_name.login IS 'A login. Personal.';
COMMENT ON COLUMN outcomes.person_name.sis_user_id IS 'SIS id. Personal.';
COMMENT ON COLUMN outcomes.person_name.told_at IS 'event_time of what told the name.';
COMMENT ON COLUMN outcomes.person_name.by_event IS 'What the newest event told, and when. Personal.';
COMMENT ON COLUMN outcomes.person_name.by_rest IS 'What REST told last, and when. Personal.';
GRANT SELECT, INSERT, UPDATE, DELETE ON outcomes.person_name TO outcomes_writer;
GRANT SELECT ON outcomes.person_name TO outcomes_people;
