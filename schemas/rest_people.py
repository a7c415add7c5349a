"""People and places in Canvas' REST API: the shapes that our client reads and our server writes, as those of `schemas.rest`.

Published as "Users", "Enrollments", "Sections", "Enrollment Terms", "Assignments". SIS ids and logins are left out for a token
whose user may not see them. E-mail addresses, avatars, activity and grades are never read.

Some shapes have over a dozen fields: each member of Canvas' is a field with its docstring.
"""

from typing import Annotated

from pydantic import Field

from schemas.base import Flag, Integer, KeyText, Number, Text, Time
from schemas.rest import Shape, Term
from schemas.rest_ids import Id

Personal = Annotated[Text | None, Field(repr=False)]
"""A name, login or id of a person: in no log and no message."""


class Enrollment(Shape):
    """An enrolment: one row for each user, section and role."""

    id: Id
    """The enrolment."""
    root_account_id: Id | None = None
    """The root account."""
    user_id: Id
    """The user."""
    course_id: Id
    """The course that the enrolment is in now."""
    course_section_id: Id | None = None
    """The section."""
    associated_user_id: Id | None = None
    """The student whom an observer observes; null for others."""
    limit_privileges_to_course_section: Flag | None = None
    """Whether the user sees only the people of this section."""
    enrollment_state: KeyText
    """The enrolment's `workflow_state`, but `deleted` where its course or its section is deleted."""
    type: KeyText
    """`StudentEnrollment`, `TeacherEnrollment`, `TaEnrollment`, `DesignerEnrollment`, `ObserverEnrollment`, or
    `StudentViewEnrollment` for the test student."""
    role: Text | None = None
    """Name of the role; the type where it is no custom one."""
    role_id: Id | None = None
    """The role."""
    created_at: Time | None = None
    """When it was made."""
    updated_at: Time | None = None
    """When it was saved last."""
    start_at: Time | None = None
    """Start of the enrolment's own dates."""
    end_at: Time | None = None
    """End of the enrolment's own dates."""
    sis_course_id: Text | None = None
    """SIS id of the course."""
    sis_section_id: Text | None = None
    """SIS id of the section."""
    sis_user_id: Personal = None
    """SIS id of the user."""
    html_url: Text | None = None
    """The user's page in the course."""
    user: "User | None" = None
    """The user, in lists of enrolments only."""


class User(Shape):
    """A user."""

    id: Id
    """The user."""
    name: Personal = None
    """Full name."""
    created_at: Time | None = None
    """When it was made."""
    sortable_name: Personal = None
    """Family name first."""
    short_name: Personal = None
    """Display name."""
    sis_user_id: Personal = None
    """SIS id; null where there is none."""
    integration_id: Personal = None
    """The institution's second id; null where there is none."""
    login_id: Personal = None
    """Login."""
    merged_into_user_id: Id | None = None
    """The user that took over the enrolments; only of a deleted user who was merged."""
    uuid: KeyText | None = None
    """With `include[]=uuid`: what results call `user_uuid`."""
    account_uuid: KeyText | None = None
    """With `include[]=uuid`: the root account's uuid."""
    past_uuid: KeyText | None = None
    """With `include[]=uuid`, in a course: the uuid of a user who was merged into this one, where tools still know that one."""
    enrollments: list[Enrollment] | None = None
    """With `include[]=enrollments`: those of the course in the states that were asked for."""


class Section(Shape):
    """An active section of a course."""

    id: Id
    """The section."""
    name: Text | None = None
    """Name."""
    course_id: Id
    """The course that the section is in now."""
    nonxlist_course_id: Id | None = None
    """The course that a cross-listed section came from; else null."""
    start_at: Time | None = None
    """Start of the section's own dates."""
    end_at: Time | None = None
    """End of the section's own dates."""
    restrict_enrollments_to_section_dates: Flag | None = None
    """Whether the section's own dates apply instead of the course's."""
    created_at: Time | None = None
    """When it was made."""
    sis_section_id: Text | None = None
    """SIS id of the section."""
    sis_course_id: Text | None = None
    """SIS id of the course."""
    integration_id: Text | None = None
    """The institution's second id."""
    total_students: Integer | None = None
    """With `include[]=total_students`: active and invited ones."""


class EnrollmentTerms(Shape):
    """A page of the terms of a root account."""

    enrollment_terms: list[Term]
    """Newest start first."""


class Assignment(Shape):
    """An assignment of a course. Deleted ones are not listed."""

    id: Id
    """The assignment."""
    course_id: Id | None = None
    """The course."""
    name: Text | None = None
    """Title."""
    assignment_group_id: Id | None = None
    """The assignment group."""
    due_at: Time | None = None
    """Due date, without those of single sections or students."""
    unlock_at: Time | None = None
    """From when on students see it."""
    lock_at: Time | None = None
    """From when on nobody can hand in."""
    points_possible: Number | None = None
    """Points possible."""
    submission_types: list[KeyText] | None = None
    """Such as `online_quiz`, `external_tool`; events write them as one text with commas."""
    workflow_state: KeyText | None = None
    """`published` or `unpublished`."""
    published: Flag | None = None
    """Whether students see it."""
    post_manually: Flag | None = None
    """Whether grades stay hidden from students until somebody posts them."""
    grading_type: KeyText | None = None
    """Such as `points`, `pass_fail`, `not_graded`."""
    quiz_id: Id | None = None
    """The classic quiz that the assignment stands for; left out of others."""
    created_at: Time | None = None
    """When it was made."""
    updated_at: Time | None = None
    """When it was saved last."""
    html_url: Text | None = None
    """Its page."""
