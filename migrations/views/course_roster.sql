CREATE OR REPLACE VIEW outcomes.course_roster AS
SELECT c.root_account_uuid, c.course_id, r.user_id, r.user_uuid, r.past_uuids, r.standing, r.test_student, r.sections, r.enrollments,
       r.concluded, r.inactive, r.merged_into_user_id
  FROM (SELECT e.root_account_uuid, e.course_id FROM outcomes.enrollment_version e WHERE e.course_id IS NOT NULL
         UNION
        SELECT s.root_account_uuid, s.course_id FROM outcomes.course_section_version s WHERE s.course_id IS NOT NULL) c
 CROSS JOIN LATERAL outcomes_internal.course_roster_of(c.root_account_uuid, c.course_id, NULL, NULL) r;
COMMENT ON VIEW outcomes.course_roster IS
    'Students of a course, each once, the test student among them; also those who have left. Only those whose enrolment was told.';
COMMENT ON COLUMN outcomes.course_roster.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.course_roster.course_id IS 'Local id of the course.';
COMMENT ON COLUMN outcomes.course_roster.user_id IS 'Local id of the user. Personal.';
COMMENT ON COLUMN outcomes.course_roster.user_uuid IS
    'The user''s uuid; joins outcome_rollup.user_uuid. Null where none is known, or Canvas gave it to another user. Personal.';
COMMENT ON COLUMN outcomes.course_roster.past_uuids IS
    'Other uuids that the user ever had, or has in this course after a merge. Personal.';
COMMENT ON COLUMN outcomes.course_roster.standing IS
    'enrolled: has an enrolment in the course that is not deleted. left: had one, but it is deleted or has moved to another course, or '
    'the user is deleted or merged into another one.';
COMMENT ON COLUMN outcomes.course_roster.test_student IS 'Whether it is the test student of the course.';
COMMENT ON COLUMN outcomes.course_roster.sections IS 'Local ids of the sections of these enrolments.';
COMMENT ON COLUMN outcomes.course_roster.enrollments IS
    'The enrolments as a student that are not deleted, by id; of one who left all that were: id, course_section_id, workflow_state, '
    'state (by the dates of term, course and section), type, created_at.';
COMMENT ON COLUMN outcomes.course_roster.concluded IS 'Whether each of these enrolments is completed or deleted.';
COMMENT ON COLUMN outcomes.course_roster.inactive IS 'Whether each of these enrolments is inactive.';
COMMENT ON COLUMN outcomes.course_roster.merged_into_user_id IS
    'Local id of the user into whom Canvas merged this one; only REST tells. Personal.';
GRANT SELECT ON outcomes.course_roster TO outcomes_writer, outcomes_reader;
