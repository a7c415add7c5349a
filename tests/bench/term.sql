-- A projection of {courses} courses, made in the database because the way through the writer is measured elsewhere.
-- Course 1 has 500 students, 20 outcomes and 5 results for each pair; every other 30 students, 15 outcomes and 11 results.
-- Rows lie as grading brings them: assignment by assignment, and within it course by course. Every fifth result was regraded later.
-- Rosters: each student was invited and then active, in one section of 100; every fiftieth has left; a tenth more have no result. REST
-- read the rosters of the odd courses. Everybody has a name. Submissions of the assignments that no rubric assesses tell when work was handed in.
-- Accounts: a root, 20 colleges, 200 departments. Scales and methods of the root, of colleges and of departments, three versions each.

CREATE TEMPORARY TABLE course_size AS
SELECT course, CASE course WHEN 1 THEN 500 ELSE 30 END AS students, CASE course WHEN 1 THEN 20 ELSE 15 END AS outcomes,
       CASE course WHEN 1 THEN 5 ELSE 11 END AS assignments
  FROM generate_series(1, {courses}) course;
ANALYZE course_size;

INSERT INTO account_version
      (root_account_uuid, id, global_id, workflow_state, name, parent_account_id, event_name, event_time, version_hash,
       source, partition, position)
SELECT '{tenant}', id, 10000000000000 + id, 'active', 'Account ' || id,
       CASE WHEN id = 1 THEN NULL WHEN id <= 21 THEN 1 ELSE 2 + id % 20 END,
       'account_created', '2025-01-01', 1, 'bench', 0, id
  FROM generate_series(1, 221) id;

INSERT INTO course_version
      (root_account_uuid, id, global_id, workflow_state, account_id, uuid, name, updated_at, created_at, event_name, event_time,
       version_hash, source, partition, position)
SELECT '{tenant}', course, 10000000000000 + course, 'available', 22 + course % 200, 'course-' || course, 'Course ' || course,
       '2025-01-01', '2025-01-01', 'course_created', '2025-01-01', 1, 'bench', 0, course
  FROM course_size;

INSERT INTO outcome_proficiency_version
      (root_account_uuid, id, workflow_state, context_type, context_id, outcome_proficiency_ratings, event_name, event_time,
       version_hash, source, partition, position)
SELECT '{tenant}', owner, 'active', 'Account', owner,
       (SELECT jsonb_agg(jsonb_build_object('description', 'Level ' || level, 'points', level * (1 + version % 2),
                                            'mastery', level = 3, 'color', '0B874B') ORDER BY level DESC)
          FROM generate_series(0, 4) level),
       'outcome_proficiency_updated', '2025-01-01'::timestamptz + version * interval '40 days', version, 'bench', 0, owner
  FROM generate_series(1, 221, 4) owner, generate_series(0, 2) version;

INSERT INTO outcome_calculation_method_version
      (root_account_uuid, id, workflow_state, context_type, context_id, calculation_method, calculation_int, event_name, event_time,
       version_hash, source, partition, position)
SELECT '{tenant}', owner, 'active', 'Account', owner,
       (ARRAY['decaying_average', 'latest', 'standard_decaying_average', 'average', 'n_mastery'])[1 + (owner + version) % 5],
       CASE (owner + version) % 5 WHEN 4 THEN 2 WHEN 1 THEN NULL WHEN 3 THEN NULL ELSE 65 END,
       'outcome_calculation_method_updated', '2025-01-01'::timestamptz + version * interval '40 days', version, 'bench', 0, owner
  FROM generate_series(1, 221, 5) owner, generate_series(0, 2) version;

INSERT INTO learning_outcome_version
      (root_account_uuid, id, workflow_state, context_type, context_id, title, calculation_method, calculation_int,
       rubric_criterion, event_name, event_time, version_hash, source, partition, position)
SELECT '{tenant}', id, 'active', 'Account', 1, 'Outcome ' || id, 'decaying_average', 65,
       jsonb_build_object('points_possible', 5, 'mastery_points', 3, 'ratings',
                          jsonb_build_array(jsonb_build_object('points', 5, 'description', 'Exceeds'),
                                            jsonb_build_object('points', 3, 'description', 'Meets'))),
       'learning_outcome_created', '2025-01-01', 1, 'bench', 0, id
  FROM generate_series(1, 1000) id;

INSERT INTO learning_outcome_link_version
      (root_account_uuid, id, workflow_state, learning_outcome_id, context_type, context_id, event_name, event_time, version_hash,
       source, partition, position)
SELECT '{tenant}', course * 100 + n, 'active', (course * 7 + n) % 1000 + 1, 'Course', course, 'learning_outcome_link_created',
       '2025-01-01', 1, 'bench', 0, course * 100 + n
  FROM course_size, generate_series(1, outcomes) n;

INSERT INTO rubric_assessment_version
      (root_account_uuid, id, artifact_type, submitted_at, event_name, event_time, version_hash, source, partition, position)
SELECT '{tenant}', (assignment * 1000000::bigint + course) * 1000 + student, 'Submission',
       '2025-01-05'::timestamptz + assignment * interval '10 days', 'rubric_assessed',
       '2025-01-06'::timestamptz + assignment * interval '10 days', 1, 'bench', 0, 1
  FROM generate_series(1, 11) assignment, course_size, generate_series(1, students) student
 WHERE assignment <= assignments AND assignment % 5 <> 0
 ORDER BY assignment, course, student;

INSERT INTO course_section_version
      (root_account_uuid, id, workflow_state, course_id, root_account_id, name, event_name, event_time, version_hash, source, partition,
       position)
SELECT '{tenant}', course * 10 + n, 'active', course, 1, 'Section ' || n, 'course_section_created', '2025-01-01', 1, 'bench', 0, 1
  FROM course_size, generate_series(0, (students - 1) / 100) n;

CREATE TEMPORARY TABLE enrolled AS
SELECT course * 1000::bigint + student AS id, course, student, left(md5('student ' || course * 1000 + student) || md5('s'), 40) AS uuid,
       course * 10 + (student - 1) % students / 100 AS section
  FROM course_size, generate_series(1, students + students / 10) student;
ANALYZE enrolled;

INSERT INTO canvas_user_version
      (root_account_uuid, id, global_id, updated_at, workflow_state, uuid, created_at, event_name, event_time, version_hash, source,
       partition, position)
SELECT '{tenant}', id, 10000000000000 + id, '2025-01-02', 'registered', uuid, '2025-01-02', 'user_updated', posted, version, 'bench', 0, 1
  FROM enrolled, (VALUES (1, '2025-01-02'::timestamptz), (2, '2025-02-02')) v (version, posted);

INSERT INTO person_name (root_account_uuid, user_id, name, short_name, sortable_name, told_at)
SELECT '{tenant}', id, 'Student ' || student || ' of course ' || course, 'Student ' || student, 'of course ' || course || ', Student ' || student,
       '2025-01-02'
  FROM enrolled;

INSERT INTO enrollment_version
      (root_account_uuid, id, global_id, updated_at, workflow_state, course_id, course_uuid, user_id, user_uuid, course_section_id, type,
       created_at, limit_privileges_to_course_section, event_name, event_time, version_hash, source, partition, position)
SELECT '{tenant}', id, 10000000000000 + id, '2025-01-03', state, course, 'course-' || course, id, uuid, section, 'StudentEnrollment',
       '2025-01-03', false, 'enrollment_updated', posted, version, 'bench', 0, 1
  FROM enrolled,
       (VALUES (1, 'invited', '2025-01-03'::timestamptz), (2, 'active', '2025-01-04'), (3, 'deleted', '2025-05-01')) v (version, state, posted)
 WHERE version < 3 OR student % 50 = 0;

INSERT INTO enrollment_state_version
      (root_account_uuid, id, global_id, state, state_is_current, event_name, event_time, version_hash, source, partition, position)
SELECT '{tenant}', id, 10000000000000 + id, state, true, 'enrollment_state_updated', posted, version, 'bench', 0, 1
  FROM enrolled, (VALUES (1, 'invited', '2025-01-03'::timestamptz), (2, 'active', '2025-01-04')) v (version, state, posted);

INSERT INTO submission_version
      (root_account_uuid, id, workflow_state, assignment_id, user_id, submitted_at, event_name, event_time, version_hash, source,
       partition, position)
SELECT '{tenant}', (assignment * 1000000::bigint + course) * 1000 + student, 'graded', assignment * 1000000::bigint + course,
       course * 1000::bigint + student, '2025-01-05'::timestamptz + assignment * interval '10 days', 'submission_updated',
       '2025-01-06'::timestamptz + assignment * interval '10 days', 1, 'bench', 0, 1
  FROM generate_series(1, 11) assignment, course_size, generate_series(1, students) student
 WHERE assignment <= assignments AND assignment % 5 = 1
 ORDER BY assignment, course, student;

INSERT INTO roster_reading (root_account_uuid, course_id, event_time)
SELECT '{tenant}', course, '2025-02-15' FROM course_size WHERE course % 2 = 1;

CREATE TEMPORARY SEQUENCE result_id;

INSERT INTO learning_outcome_result_version
      (root_account_uuid, id, updated_at, workflow_state, learning_outcome_id, result_context_type, result_context_id,
       result_context_uuid, user_uuid, score, possible, percent, mastery, original_score, original_possible, original_mastery,
       attempt, assessed_at, created_at, associated_asset_type, associated_asset_id, artifact_type, artifact_id,
       artifact_created_at, artifact_updated_at, event_name, event_time, version_hash, source, partition, position)
SELECT '{tenant}', nextval('result_id'), NULL, 'active', (course * 7 + n) % 1000 + 1, 'Course', course,
       'course-' || course, left(md5('student ' || course * 1000 + student) || md5('s'), 40), points, 5, points / 5, points >= 3, points, 5, points >= 3,
       1, posted, posted,
       CASE assignment % 5 WHEN 0 THEN 'Quizzes::Quiz' ELSE 'Assignment' END, assignment * 1000000::bigint + course,
       CASE assignment % 5 WHEN 0 THEN 'Quizzes::QuizSubmission' ELSE 'RubricAssessment' END,
       (assignment * 1000000::bigint + course) * 1000 + student,
       posted, posted, 'learning_outcome_result_created', posted, 1, 'bench', 0, 1
  FROM (SELECT course, assignment, student, n, ((course * 31 + assignment * 17 + student * 13 + n * 7) % 11)::float8 / 2 AS points,
               '2025-01-06'::timestamptz + assignment * interval '10 days' + course * interval '1 minute' AS posted
          FROM generate_series(1, 11) assignment, course_size, generate_series(1, students) student, generate_series(1, outcomes) n
         WHERE assignment <= assignments
         ORDER BY assignment, course, student, n) graded;

INSERT INTO learning_outcome_result_version
      (root_account_uuid, id, workflow_state, learning_outcome_id, result_context_type, result_context_id, result_context_uuid, user_uuid,
       possible, original_score, original_possible, original_mastery, attempt, created_at, associated_asset_type,
       associated_asset_id, artifact_type, artifact_id, artifact_created_at, artifact_updated_at,
       score, percent, mastery, updated_at, assessed_at, event_name, event_time, version_hash, source, partition, position)
SELECT root_account_uuid, id, workflow_state, learning_outcome_id, result_context_type, result_context_id, result_context_uuid, user_uuid,
       possible, original_score, original_possible, original_mastery, attempt, created_at, associated_asset_type,
       associated_asset_id, artifact_type, artifact_id, artifact_created_at, artifact_updated_at,
       least(score + 1, 5), least(score + 1, 5) / 5, score >= 2, event_time + interval '3 days', event_time + interval '3 days',
       'learning_outcome_result_updated', event_time + interval '3 days', 2, 'bench', 0, 2
  FROM learning_outcome_result_version
 WHERE id % 5 = 0
 ORDER BY id;

{account}
{course}
{outcome_proficiency}
{outcome_calculation_method}
{learning_outcome}
{learning_outcome_link}
{rubric_assessment}
{canvas_user}
{course_section}
{enrollment}
{enrollment_state}
{submission}
{learning_outcome_result}
