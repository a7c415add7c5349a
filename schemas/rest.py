"""The shapes of Canvas' REST API, read by our client and written by our server.

Published as "Outcomes", "Outcome Groups", "Outcome Results", "Proficiency Ratings", "Grading Standards", "Accounts", "Courses".
Those of people and places are in `schemas.rest_people`.
Members that are not here are ignored; one of another type is refused with its path. Ids are LOCAL unless said.
Canvas leaves out an optional member, or sends null, where it has no value or the token's user may not see it.

Over 400 lines, and some shapes over a dozen fields: each member of Canvas' is a field with its docstring.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.base import MAX_RATINGS, Flag, Integer, KeyText, Number, Text, Time
from schemas.rest_ids import Id, LinkId, UserRef


class Shape(BaseModel):
    """An object of an answer. Members that are not named here are dropped."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class OutcomeRating(Shape):
    """One level of an outcome's own criterion, or of the scale that stands in its place."""

    description: Text | None = None
    """What a teacher sees for this level."""
    points: Number | None = None
    """Points of this level."""
    color: Text | None = None
    """Hex colour; only with `add_defaults`, or of a scale."""
    mastery: bool | None = None
    """Whether this level is the threshold; only with `add_defaults`, or of a scale."""
    percent: Number | None = None
    """Of the students on any level, how many of a hundred are on this one; only with `rating_percents`."""


class Outcome(Shape):
    """An outcome. The abbreviated form, inside links, ends with `can_edit`."""

    id: Id
    """The outcome; above 10^13 where it lives on another shard."""
    url: Text | None = None
    """Path of the outcome's own endpoint; opaque."""
    context_id: Id | None = None
    """The owner; null for global outcomes."""
    context_type: KeyText | None = None
    """`Account` or `Course`; null for global outcomes."""
    title: Text
    """Title; the same column as the events' `short_description`."""
    display_name: Text | None = None
    """Friendly name for reports; may be empty."""
    description: Text | None = None
    """HTML. Left out of the abbreviated form."""
    friendly_description: Text | None = None
    """What students read, in the context of the request."""
    vendor_guid: Text | None = None
    """The school's or vendor's own key; not unique."""
    points_possible: Number | None = None
    """Points of the highest rating. With account-level scales on: the scale's, left out where the request names no context."""
    mastery_points: Number | None = None
    """Points from which a score is mastery; as `points_possible`."""
    ratings: Annotated[list[OutcomeRating], Field(max_length=MAX_RATINGS)] | None = None
    """All levels, highest first; as `points_possible`."""
    calculation_method: KeyText | None = None
    """Name of the method; with the new decaying average on, `weighted_average` for the stored `decaying_average`, and
    `decaying_average` for the stored `standard_decaying_average`."""
    calculation_int: Integer | None = None
    """Parameter of the method, only for methods that use one."""
    can_edit: bool | None = None
    """Whether the token's user may change the outcome."""
    can_unlink: bool | None = None
    """Whether the outcome may be unlinked; only in an answer about a link."""
    assessed: bool | None = None
    """Whether a student was assessed with it."""
    has_updateable_rubrics: bool | None = None
    """Whether a change reaches rubrics that nobody was assessed with."""
    alignments: list[Text] | None = None
    """Assets of the published assignments that measure it; only in `linked`."""
    group_id: LinkId | None = None
    """The group; only in `linked`."""


class AbbreviatedOutcomeGroup(Shape):
    """A group as another object names it."""

    id: Id
    """The group."""
    title: Text
    """Its title; the root group of a context is named after it."""
    vendor_guid: Text | None = None
    """The school's or vendor's own key; not unique."""
    url: Text | None = None
    """Path of the group's own endpoint; opaque."""
    subgroups_url: Text | None = None
    """Path of the list of its sub-groups; opaque."""
    outcomes_url: Text | None = None
    """Path of the list of its links; opaque."""
    can_edit: bool | None = None
    """Whether the token's user may change the group."""


class OutcomeGroup(AbbreviatedOutcomeGroup):
    """A group of outcomes."""

    context_id: Id | None = None
    """The owner; null for global groups."""
    context_type: KeyText | None = None
    """`Account` or `Course`; null for global groups."""
    description: Text | None = None
    """HTML. Left out of the abbreviated form."""
    parent_outcome_group: AbbreviatedOutcomeGroup | None = None
    """Left out for the root group of a context, and of the abbreviated form."""
    import_url: Text | None = None
    """Path of the endpoint that copies a group into this one; opaque."""


class OutcomeGroupLink(Shape):
    """The place of an outcome in a group of a context. Canvas shows no id of a link."""

    url: Text | None = None
    """Path of the link's own endpoint; opaque."""
    context_id: Id | None = None
    """Context of the LINK; null for global groups."""
    context_type: KeyText | None = None
    """`Account` or `Course`; null for global groups."""
    outcome_group: OutcomeGroup
    """The group that holds the link; complete with `outcome_group_style=full`."""
    outcome: Outcome
    """The outcome; complete with `outcome_style=full`."""
    assessed: bool | None = None
    """Whether a student of this context was assessed with it."""
    can_unlink: bool | None = None
    """Whether the link may be removed."""


class OutcomeAlignment(Shape):
    """What measures an outcome in a course: an assignment or a live assessment."""

    learning_outcome_id: Id
    """The outcome. Canvas' document calls this member `id`, Canvas does not; we accept both."""
    assignment_id: Id | None = None
    """The assignment; none for live assessments."""
    assessment_id: Id | None = None
    """The live assessment; none for assignments."""
    submission_types: Text | None = None
    """Comma-separated; `magic_marker` for live assessments."""
    url: Text | None = None
    """The assignment's page; none for live assessments."""
    title: Text | None = None
    """Title of the assignment or the assessment."""

    @model_validator(mode="before")
    @classmethod
    def _by_either_name(cls, value: Any) -> Any:
        if isinstance(value, dict) and "id" in value and "learning_outcome_id" not in value:
            return {**value, "learning_outcome_id": value["id"]}
        return value


class OutcomeResultLinks(Shape):
    """The objects of a result."""

    user: UserRef
    """The student's id; `uuid:...` from a server that knows no id."""
    learning_outcome: LinkId
    """The outcome."""
    alignment: Text | None = None
    """What was aligned, as an asset: `assignment_56`, `quiz_3`, `assessment_question_bank_7`."""
    assignment: Text | None = None
    """The assignment as an asset, also for a quiz: `assignment_56`."""


class OutcomeResult(Shape):
    """One result of a student, active, with an alignment that still exists."""

    id: Id | None = None
    """The result; null for results of New Quizzes, which Canvas never saves."""
    score: Number | None
    """Raw points; null where there is none yet, never left out."""
    possible: Number | None = None
    """Raw points that can be had."""
    mastery: bool | None = None
    """Whether it was mastery when it was assessed; null without a threshold or a score."""
    percent: Number | None = None
    """Fraction, 1.0 = 100 %."""
    hidden: bool | None = None
    """Whether it is left out of rollups; only with `include_hidden`."""
    hide_points: bool | None = None
    """Whether points are not shown to students."""
    submitted_or_assessed_at: Time | None = None
    """When the work was submitted, else when it was assessed; whole seconds."""
    links: OutcomeResultLinks
    """The student, the outcome and what was aligned."""


class LinkedUser(Shape):
    """A student of `linked`."""

    id: UserRef
    """The student's id; `uuid:...` from a server that knows no id."""
    name: Text | None = None
    """Full name."""
    display_name: Text | None = None
    """Short name."""
    sortable_name: Text | None = None
    """Family name first."""
    sis_id: Text | None = None
    """SIS id; left out where the token's user may not see it."""
    login_id: Text | None = None
    """Login; left out where the token's user may not see it."""


class LinkedAlignment(Shape):
    """What was aligned, in `linked`."""

    id: Text
    """As an asset: `assignment_56`."""
    name: Text | None = None
    """Its title."""
    html_url: Text | None = None
    """Its page."""
    submission_types: Text | list[Text] | None = None
    """Of an assignment."""


class PathPart(Shape):
    """A group, or the outcome at the end of a path."""

    name: Text | None = None
    """Its title."""


class OutcomePath(Shape):
    """Where an outcome is, in `linked`."""

    id: Id
    """The outcome."""
    parts: list[PathPart]
    """Groups from below the root, then the outcome."""


class LinkedCourse(Shape):
    """A course of `linked`."""

    id: LinkId
    """The course."""
    name: Text | None = None
    """Its name."""


class Linked(Shape):
    """What `include[]` adds; a list for each word."""

    outcomes: list[Outcome] | None = None
    """With `include[]=outcomes`."""
    outcome_groups: list[OutcomeGroup] | None = None
    """With `include[]=outcome_groups`."""
    users: list[LinkedUser] | None = None
    """With `include[]=users`."""
    alignments: list[LinkedAlignment] | None = None
    """With `include[]=alignments`."""
    courses: list[LinkedCourse] | None = None
    """With `include[]=courses`."""
    outcome_links: list[OutcomeGroupLink] | None = None
    """With `include[]=outcome_links`."""
    outcome_paths: list[OutcomePath] | None = None
    """With `include[]=outcome_paths`."""
    outcome_alignments: Annotated[list[LinkedAlignment] | None, Field(alias="outcomes.alignments")] = None
    """With `include[]=outcomes.alignments`."""
    assignments: list[LinkedAlignment] | None = None
    """With `include[]=assignments`."""


class OutcomeResults(Shape):
    """A page of results of a course."""

    outcome_results: list[OutcomeResult]
    """By student, outcome and result."""
    linked: Linked | None = None
    """Only with `include[]`."""


class OutcomeRollupScoreLinks(Shape):
    """The object of a score."""

    outcome: LinkId
    """The outcome."""


class OutcomeRollupScore(Shape):
    """The score of one outcome."""

    score: Number | None = None
    """Points of the scale in force, rounded to 2 decimals (a median is not); null where too few results count."""
    title: Text | None = None
    """Title of the newest result."""
    submitted_at: Time | None = None
    """When the newest result was submitted, else assessed; whole seconds."""
    count: Integer | None = None
    """How many results count; of an aggregate: how many students."""
    hide_points: bool | None = None
    """Whether points are not shown to students."""
    links: OutcomeRollupScoreLinks
    """The outcome."""


class OutcomeRollupLinks(Shape):
    """Whose rollup it is: a student's (`user`, `section`) or, aggregated, a course's."""

    user: UserRef | None = None
    """The student; one rollup for each section that a student is in."""
    section: LinkId | None = None
    """The section."""
    status: KeyText | None = None
    """State of the enrolment."""
    course: LinkId | None = None
    """The course, of an aggregate."""


class OutcomeRollup(Shape):
    """All scores of a student in a course, or of the course."""

    name: Text | None = None
    """Name of the student or the course; documented, not sent."""
    scores: list[OutcomeRollupScore]
    """One for each outcome with a result."""
    links: OutcomeRollupLinks
    """The student or the course."""


class OutcomeRollups(Shape):
    """A page of rollups; with `aggregate=course` the only one, with one rollup."""

    rollups: list[OutcomeRollup]
    """By student."""
    meta: dict[str, Any] | None = None
    """`pagination`: how many students and pages there are, and the addresses of pages; not with `aggregate`."""
    linked: Linked | None = None
    """Only with `include[]`."""


class ProficiencyRating(Shape):
    """One level of a mastery scale."""

    description: Text
    """Name of the level."""
    points: Number
    """Points from which a score is in this level; not negative, falling from level to level."""
    mastery: Flag
    """Whether mastery starts here; exactly one level of a scale has it."""
    color: KeyText | None = None
    """Six hex digits without `#`."""


class Proficiency(Shape):
    """The mastery scale in force in a context. The answer does not say whose it is, nor its id."""

    ratings: Annotated[list[ProficiencyRating], Field(max_length=MAX_RATINGS)]
    """All levels, points falling."""


class GradingSchemeEntry(Shape):
    """One letter and its lower bound."""

    name: Text
    """The letter."""
    value: Number
    """Lower bound as a fraction, 0.94 for 94 %, 4 decimals."""
    calculated_value: Number | None = None
    """The bound as people read it: in percent, or in points when points-based."""


class GradingStandard(Shape):
    """A grading standard on the wire. `schemas.grading_standards` knows what a valid one is."""

    id: Id
    """The standard."""
    title: Text
    """Its name."""
    context_type: KeyText | None = None
    """`Account` or `Course`."""
    context_id: Id | None = None
    """The owner."""
    points_based: bool | None = None
    """Whether bounds are shown in points; null means not."""
    scaling_factor: Number | None = None
    """The most points, when points-based; else 1, which null means too."""
    grading_scheme: list[GradingSchemeEntry]
    """All letters."""


class Account(Shape):
    """An account of the tree."""

    id: Id
    """The account; LOCAL, where the events have the global one."""
    name: Text
    """Its name."""
    uuid: KeyText | None = None
    """A root account's uuid is the tenant."""
    parent_account_id: Id | None = None
    """The account above; null for a root."""
    root_account_id: Id | None = None
    """The root above; null for a root."""
    workflow_state: KeyText | None = None
    """`active`; deleted ones are not listed."""
    default_time_zone: Text | None = None
    """IANA name."""


class Term(Shape):
    """A term of a root account, in lists of terms and, abbreviated, inside a course."""

    id: Id
    """The term."""
    name: Text | None = None
    """Its name; the default term has one like any other."""
    start_at: Time | None = None
    """Start; null: open."""
    end_at: Time | None = None
    """End; null: open."""
    created_at: Time | None = None
    """When it was made."""
    workflow_state: KeyText | None = None
    """`active` or `deleted`."""
    grading_period_group_id: Id | None = None
    """Its set of grading periods."""
    sis_term_id: Text | None = None
    """SIS id; left out where the token's user may not see it."""


class Course(Shape):
    """A course."""

    id: Id
    """The course; LOCAL, where the events have the global one."""
    name: Text | None = None
    """Its name."""
    course_code: Text | None = None
    """Its short name."""
    uuid: KeyText | None = None
    """The uuid that results name it by."""
    account_id: Id | None = None
    """The account that holds it."""
    root_account_id: Id | None = None
    """The root above."""
    workflow_state: KeyText | None = None
    """`unpublished` (the events say `created` or `claimed`), `available`, `completed` or `deleted`."""
    created_at: Time | None = None
    """When it was made."""
    enrollment_term_id: Id | None = None
    """Its term."""
    start_at: Time | None = None
    """Start of the course's own dates."""
    end_at: Time | None = None
    """End of the course's own dates."""
    sis_course_id: Text | None = None
    """SIS id; left out where the token's user may not see it."""
    term: Term | None = None
    """With `include[]=term`."""
    concluded: bool | None = None
    """With `include[]=concluded`: whether it is over, by its state or its dates."""
    total_students: Integer | None = None
    """With `include[]=total_students`: active and invited ones."""


class ErrorMessage(Shape):
    """One thing that is wrong."""

    message: Text | None = None
    """In the language of the request."""
    attribute: Text | None = None
    """The member that is wrong, where a form was refused."""
    type: Text | None = None
    """The rule it breaks, in one word."""


class ErrorBody(Shape):
    """The body of an answer with a status of 400 and above."""

    status: Text | None = None
    """`unauthenticated` (no valid token), `unauthorized` (not allowed), `not_found`."""
    message: Text | None = None
    """In place of `errors`, from some endpoints."""
    error: Text | None = None
    """In place of `errors`, from others."""
    errors: list[ErrorMessage] | dict[str, list[ErrorMessage]] | None = None
    """What is wrong; by member where a form was refused."""
