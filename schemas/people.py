"""People and where they belong: users, enrolments, sections, and when work was handed in and grades were posted.

Names, logins and SIS ids of people are `PersonText`: they are no columns of these tables, but of `person_name`, and only where
`OUTCOMES_PEOPLE` is `names`. What a student hands in is `Unstored`.
"""

from schemas.base import Body, Flag, GlobalId, Id, KeyText, Number, PersonText, StatefulBody, Text, Time, Unstored


class CanvasUser(StatefulBody):
    """Users of Canvas, and which uuid each has.

    The uuid is what results call `user_uuid`. When Canvas merges two users, a uuid can move to the other user. Canvas posts a
    `user_updated` for every saved preference, so many say nothing new. Source: Canvas, `lib/canvas/live_events.rb`.
    """

    kind = "canvas_user"
    events = ("user_created", "user_updated")
    by_year = True
    private = True
    about_people = True

    user_id: GlobalId
    """Global id of the user."""
    uuid: KeyText | None = None
    """Uuid; what results call `user_uuid`."""
    created_at: Time | None = None
    """When Canvas made the row."""
    name: PersonText | None = None
    """Full name."""
    short_name: PersonText | None = None
    """Display name; the full name where nobody set it."""
    user_login: PersonText | None = None
    """One of the user's logins. A change of a login alone posts no event."""
    user_sis_id: PersonText | None = None
    """SIS id of that login."""


class Enrollment(StatefulBody):
    """Enrolments: who is in which course and section, and as what.

    Canvas changes many without an event: deletions by SIS imports, cross-listing, merges of users.
    """

    kind = "enrollment"
    by_year = True
    private = True
    about_people = True

    enrollment_id: GlobalId
    """Global id of the enrolment."""
    course_id: GlobalId | None = None
    """Global id of the course."""
    course_uuid: KeyText | None = None
    """Uuid of the course; absent before about 2024."""
    user_id: GlobalId | None = None
    """Global id of the user."""
    user_uuid: KeyText | None = None
    """Uuid of the user; absent before about 2024."""
    course_section_id: GlobalId | None = None
    """Global id of the section."""
    type: KeyText | None = None
    """`StudentEnrollment`, `TeacherEnrollment`, `TaEnrollment`, `DesignerEnrollment`, `ObserverEnrollment`, or
    `StudentViewEnrollment` for the test student."""
    created_at: Time | None = None
    """When Canvas made the row."""
    limit_privileges_to_course_section: Flag | None = None
    """Whether a teacher sees only the students of this section."""
    associated_user_id: GlobalId | None = None
    """Global id of the student whom an observer observes."""
    user_name: Unstored | None = None
    """The user's name at that moment. Never stored: `user_updated` tells it too."""


class EnrollmentState(Body):
    """The state of an enrolment that results from the dates of its term, course and section.

    It alone tells that a course has ended by its dates: the enrolment itself stays `active`.
    """

    kind = "enrollment_state"
    by_year = True
    private = True
    about_people = True

    enrollment_id: GlobalId
    """Global id of the enrolment."""
    state: KeyText | None = None
    """`pending_invited`, `pending_active`, `invited`, `active`, `completed`, `inactive`, `creation_pending`, `rejected` or
    `deleted`."""
    state_started_at: Time | None = None
    """Since when that state holds."""
    state_is_current: Flag | None = None
    """Whether Canvas has brought the state up to date."""
    state_valid_until: Time | None = None
    """When the state changes next."""
    restricted_access: Flag | None = None
    """Whether the user may not enter the course in this state."""
    access_is_current: Flag | None = None
    """Whether Canvas has brought `restricted_access` up to date."""


class Submission(StatefulBody):
    """When a student handed something in, and when the grade was posted to the student.

    The work itself, its score and its grade are not stored.
    """

    kind = "submission"
    by_year = True
    private = True
    about_people = True

    submission_id: GlobalId
    """Global id of the submission."""
    assignment_id: GlobalId | None = None
    """Global id of the assignment."""
    user_id: GlobalId | None = None
    """Global id of the student."""
    submitted_at: Time | None = None
    """When the newest attempt was handed in."""
    posted_at: Time | None = None
    """When the grade was shown to the student."""
    attempt: Unstored | None = None
    """Not stored."""
    body: Unstored | None = None
    """The student's work. Not stored."""
    url: Unstored | None = None
    """The student's work. Not stored."""
    submission_type: Unstored | None = None
    """Not stored."""
    score: Unstored | None = None
    """Not stored."""
    grade: Unstored | None = None
    """Not stored."""
    graded_at: Unstored | None = None
    """Not stored."""
    late: Unstored | None = None
    """Not stored."""
    missing: Unstored | None = None
    """Not stored."""
    group_id: Unstored | None = None
    """Not stored."""
    lti_user_id: Unstored | None = None
    """Not stored."""
    lti_assignment_id: Unstored | None = None
    """Not stored."""


class UserMerge(Body):
    """Users that Canvas has merged into others. Only REST tells: `merged_into_user_id` of a deleted user."""

    kind = "user_merge"
    events = ()
    private = True
    about_people = True

    user_id: Id
    """Local id of the user that is gone."""
    merged_into_user_id: Id | None = None
    """Local id of the user that took over its enrolments; absent: Canvas has split them again."""


class CourseSection(StatefulBody):
    """Sections of courses. All ids are local, unlike those of enrolments. Canvas gives a section no times of its own.

    Cross-listing moves a section, and its enrolments with it, to another course without an event of the enrolments.
    """

    kind = "course_section"
    private = True

    course_section_id: Id
    """Local id of the section."""
    course_id: Id | None = None
    """Local id of the course that the section is in now."""
    nonxlist_course_id: Id | None = None
    """Local id of the course that a cross-listed section came from; absent where it is not cross-listed."""
    root_account_id: Id | None = None
    """Local id of the root account."""
    enrollment_term_id: Id | None = None
    """Local id of the section's own term; absent as a rule."""
    name: Text | None = None
    """Name."""
    default_section: Flag | None = None
    """Whether Canvas made it together with the course."""
    start_at: Time | None = None
    """Start of the section's own dates."""
    end_at: Time | None = None
    """End of the section's own dates."""
    restrict_enrollments_to_section_dates: Flag | None = None
    """Whether the section's own dates apply instead of the course's."""
    sis_source_id: KeyText | None = None
    """SIS id of the section."""
    integration_id: KeyText | None = None
    """The institution's second id of the section."""
    sis_batch_id: Id | None = None
    """The SIS import that changed it last."""
    accepting_enrollments: Unstored | None = None
    """Not stored."""
    can_manually_enroll: Unstored | None = None
    """Not stored."""
    stuck_sis_fields: Unstored | None = None
    """Not stored."""


class Assignment(StatefulBody):
    """Assignments: the titles and dates of what results assess."""

    kind = "assignment"
    private = True

    assignment_id: GlobalId
    """Global id of the assignment."""
    context_type: KeyText | None = None
    """`Course`."""
    context_id: GlobalId | None = None
    """Global id of the course."""
    context_uuid: KeyText | None = None
    """Uuid of the course."""
    assignment_group_id: GlobalId | None = None
    """Global id of the assignment group."""
    title: Text | None = None
    """Title."""
    submission_types: KeyText | None = None
    """Separated by commas, such as `online_quiz`, `external_tool`, `discussion_topic`."""
    points_possible: Number | None = None
    """Points possible."""
    due_at: Time | None = None
    """Due date, without those of single sections or students."""
    unlock_at: Time | None = None
    """From when on students see it."""
    lock_at: Time | None = None
    """From when on nobody can hand in."""
    created_on_blueprint_sync: Flag | None = None
    """Whether a blueprint course made it."""
    anonymous_grading: Unstored | None = None
    """Not stored."""
    anonymous_participants: Unstored | None = None
    """Not stored."""
    associated_integration_id: Unstored | None = None
    """Not stored."""
    description: Unstored | None = None
    """HTML. Not stored."""
    domain: Unstored | None = None
    """Not stored."""
    lti_assignment_description: Unstored | None = None
    """The description once more. Not stored."""
    lti_assignment_id: Unstored | None = None
    """Not stored."""
    lti_resource_link_id: Unstored | None = None
    """Not stored."""
    lti_resource_link_id_duplicated_from: Unstored | None = None
    """Not stored."""
    assignment_id_duplicated_from: Unstored | None = None
    """Not stored."""
    domain_duplicated_from: Unstored | None = None
    """Not stored."""
    resource_map: Unstored | None = None
    """Not stored."""


class AssignmentDetail(Body):
    """What only REST tells of an assignment. A kind of its own: an event replaces all columns of an assignment."""

    kind = "assignment_detail"
    events = ()

    assignment_id: Id
    """Local id of the assignment; joins `assignment.id`."""
    course_id: Id | None = None
    """Local id of the course."""
    quiz_id: Id | None = None
    """Local id of the classic quiz that the assignment stands for."""
    post_manually: Flag | None = None
    """Whether grades stay hidden from students until somebody posts them."""
    grading_type: KeyText | None = None
    """Such as `points`, `pass_fail`, `not_graded`."""


class SisBatch(Body):
    """SIS imports. One that is done may have changed enrolments without an event."""

    kind = "sis_batch"
    private = True

    sis_batch_id: Id
    """Local id of the import."""
    account_id: Id | None = None
    """Local id of the account that it was made in."""


class EnrollmentTerm(StatefulBody):
    """Terms of a root account. Only REST tells them."""

    kind = "enrollment_term"
    events = ()

    enrollment_term_id: Id
    """Local id of the term."""
    name: Text | None = None
    """Name."""
    start_at: Time | None = None
    """Start; absent: open."""
    end_at: Time | None = None
    """End; absent: open."""
    created_at: Time | None = None
    """When Canvas made the row."""
    sis_term_id: KeyText | None = None
    """SIS id of the term."""
    grading_period_group_id: Id | None = None
    """Local id of its set of grading periods."""


class CourseDetail(Body):
    """What only REST tells of a course. A kind of its own: an event replaces all columns of a course."""

    kind = "course_detail"
    events = ()

    course_id: Id
    """Local id of the course; joins `course.id`."""
    enrollment_term_id: Id | None = None
    """Local id of its term."""
    course_code: Text | None = None
    """Short name, such as `BIO-101`."""
    start_at: Time | None = None
    """Start of the course's own dates."""
    end_at: Time | None = None
    """End of the course's own dates."""
    sis_course_id: KeyText | None = None
    """SIS id of the course."""
