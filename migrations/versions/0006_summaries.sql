-- Summaries of courses are kept, so that an account can be added up at once. A kept row may be used as long as nothing that is visible
-- says otherwise: each transaction that writes what a summary depends on leaves a mark, and whoever computes a course again takes away
-- exactly the marks that were visible when the computing began.
--
-- Triggers make the marks, so that every writer does, also one of the version before. They are made in the order in which the writer
-- locks tables. A tenant without a row in summary_tenant has nothing that may be used, so what was written before needs no mark.

CREATE TABLE outcomes_internal.summary_mark (
    root_account_uuid text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    ids bigint[] NOT NULL DEFAULT '{}'
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE outcomes_internal.summary_mark IS
    'What was written since summaries were last brought up to date. Rows are added in the transaction that writes, and removed by '
    'refresh_summaries; without a key, because nothing ever looks for one row.';
COMMENT ON COLUMN outcomes_internal.summary_mark.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes_internal.summary_mark.kind IS
    'What the ids are: course, or as in summary_source. setting: scales, methods or accounts, so that settings have to be compared. all: '
    'no summary may be used.';
COMMENT ON COLUMN outcomes_internal.summary_mark.ids IS 'What was written; empty for setting and all. Personal.';

CREATE TABLE outcomes_internal.summary_tenant (
    root_account_uuid text COLLATE "C" NOT NULL,
    code bigint NOT NULL,
    root_hint bigint,
    CONSTRAINT summary_tenant_one_row PRIMARY KEY (root_account_uuid)
);
COMMENT ON TABLE outcomes_internal.summary_tenant IS 'What all kept summaries of a tenant were computed with.';
COMMENT ON COLUMN outcomes_internal.summary_tenant.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes_internal.summary_tenant.code IS 'summary_code(): which functions computed them.';
COMMENT ON COLUMN outcomes_internal.summary_tenant.root_hint IS 'root_hint(): the root account as requests told it.';

CREATE TABLE outcomes_internal.summary_course (
    root_account_uuid text COLLATE "C" NOT NULL,
    course_id bigint NOT NULL,
    computed boolean NOT NULL,
    setting bigint,
    hinted boolean NOT NULL DEFAULT false,
    CONSTRAINT summary_course_one_row_per_course PRIMARY KEY (root_account_uuid, course_id)
);
COMMENT ON TABLE outcomes_internal.summary_course IS 'The courses whose summaries are kept, and those that wait for it.';
COMMENT ON COLUMN outcomes_internal.summary_course.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes_internal.summary_course.course_id IS 'Local id of the course.';
COMMENT ON COLUMN outcomes_internal.summary_course.computed IS 'Whether its rows may be used where no mark says otherwise.';
COMMENT ON COLUMN outcomes_internal.summary_course.setting IS 'course_settings(): the scale and method that they were computed with.';
COMMENT ON COLUMN outcomes_internal.summary_course.hinted IS
    'Whether only requests tell its account: they leave no mark, so that its setting is compared whenever it is asked for.';

CREATE TABLE outcomes_internal.summary (
    root_account_uuid text COLLATE "C" NOT NULL,
    course_id bigint NOT NULL,
    learning_outcome_id bigint NOT NULL,
    mean numeric,
    median numeric,
    students integer NOT NULL,
    assessed integer NOT NULL,
    mastered integer NOT NULL,
    scale bigint NOT NULL,
    counts integer[] NOT NULL,
    CONSTRAINT summary_one_row_per_outcome PRIMARY KEY (root_account_uuid, course_id, learning_outcome_id)
);
COMMENT ON TABLE outcomes_internal.summary IS 'Rows of course_outcome_summary as they were computed last.';
COMMENT ON COLUMN outcomes_internal.summary.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes_internal.summary.course_id IS 'Local id of the course.';
COMMENT ON COLUMN outcomes_internal.summary.learning_outcome_id IS 'The outcome.';
COMMENT ON COLUMN outcomes_internal.summary.mean IS 'As in course_outcome_summary.';
COMMENT ON COLUMN outcomes_internal.summary.median IS 'As in course_outcome_summary.';
COMMENT ON COLUMN outcomes_internal.summary.students IS 'As in course_outcome_summary.';
COMMENT ON COLUMN outcomes_internal.summary.assessed IS 'As in course_outcome_summary.';
COMMENT ON COLUMN outcomes_internal.summary.mastered IS 'As in course_outcome_summary.';
COMMENT ON COLUMN outcomes_internal.summary.scale IS 'summary_scale.scale: the levels.';
COMMENT ON COLUMN outcomes_internal.summary.counts IS 'Students on each level, in its order.';

CREATE TABLE outcomes_internal.summary_scale (
    root_account_uuid text COLLATE "C" NOT NULL,
    scale bigint NOT NULL,
    levels jsonb NOT NULL,
    CONSTRAINT summary_scale_one_row_per_scale PRIMARY KEY (root_account_uuid, scale)
);
COMMENT ON TABLE outcomes_internal.summary_scale IS 'The levels that summaries count students on. Rows are added, never changed.';
COMMENT ON COLUMN outcomes_internal.summary_scale.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes_internal.summary_scale.scale IS 'Hash of levels.';
COMMENT ON COLUMN outcomes_internal.summary_scale.levels IS 'As in course_outcome_summary, highest first, without count and percent.';

CREATE TABLE outcomes_internal.summary_source (
    root_account_uuid text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    course_id bigint NOT NULL,
    CONSTRAINT summary_source_one_row_per_course PRIMARY KEY (root_account_uuid, kind, id, course_id)
);
CREATE INDEX summary_source_by_course ON outcomes_internal.summary_source (root_account_uuid, course_id);
COMMENT ON TABLE outcomes_internal.summary_source IS
    'What else the kept summary of a course depends on. A row too many would do no harm: the course is computed once too often.';
COMMENT ON COLUMN outcomes_internal.summary_source.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes_internal.summary_source.kind IS
    'assessment, assignment, enrollment, link, outcome, section, user: local ids. uuid: hash of one. enrolled: a user whose enrolments in '
    'other courses matter too.';
COMMENT ON COLUMN outcomes_internal.summary_source.id IS 'Which one. Personal.';
COMMENT ON COLUMN outcomes_internal.summary_source.course_id IS 'Local id of the course.';

GRANT SELECT, INSERT, UPDATE, DELETE ON outcomes_internal.summary_mark, outcomes_internal.summary_tenant, outcomes_internal.summary_course,
      outcomes_internal.summary, outcomes_internal.summary_scale, outcomes_internal.summary_source TO outcomes_writer;
GRANT SELECT ON outcomes_internal.summary_mark, outcomes_internal.summary_tenant, outcomes_internal.summary_course,
      outcomes_internal.summary, outcomes_internal.summary_scale, outcomes_internal.summary_source TO outcomes_reader;

SELECT outcomes_internal.mark_writes_of(w.table_name, w.kind)
  FROM (SELECT v.table_name, v.kind, 2 AS turn
          FROM (VALUES ('account_version', 'setting'), ('canvas_user_version', 'user'), ('course_version', 'course'),
                       ('course_section_version', 'section'), ('enrollment_version', 'enrollment'), ('learning_outcome_version', 'outcome'),
                       ('learning_outcome_link_version', 'link'), ('learning_outcome_result_version', 'result'),
                       ('learning_outcome_result', 'result'), ('outcome_calculation_method_version', 'setting'),
                       ('outcome_proficiency_version', 'setting'), ('rubric_assessment_version', 'assessment'),
                       ('submission_version', 'submission'), ('user_merge_version', 'user')) v (table_name, kind)
         UNION ALL
        VALUES ('user_identity', 'identity', 1), ('outcome_alignment_version', 'of_course', 3), ('roster_reading', 'of_course', 3),
               ('tenant_setting', 'setting', 3)) w
 ORDER BY w.turn, replace(w.table_name, '_version', ''), w.table_name DESC, w.kind;
