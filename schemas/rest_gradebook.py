"""Canvas' gradebook of learning mastery in its REST API, as the shapes of `schemas.rest`. Ids inside `links` are strings.

Results and rollups are published as "Outcome Results". The newer endpoints, below them, are published nowhere: their members
are those of Canvas' `app/controllers/outcome_results_controller.rb`, and their ids are strings.
"""

from typing import Annotated, Any

from pydantic import Field

from schemas.base import Integer, KeyText, Number, Text, Time
from schemas.rest import Outcome, OutcomeGroup, OutcomeGroupLink, Shape
from schemas.rest_ids import Id, LinkId, UserRef


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
    """By student (sortable name), outcome and result."""
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


class ContributingOutcome(Shape):
    """The outcome of contributing scores."""

    id: LinkId
    """The outcome."""
    title: Text | None = None
    """Its title."""


class ContributingAlignment(Shape):
    """What measures the outcome."""

    alignment_id: KeyText
    """The alignment: a letter, `_` and digits."""
    associated_asset_id: LinkId
    """The assignment, quiz or live assessment."""
    associated_asset_name: Text | None = None
    """Its title."""
    associated_asset_type: KeyText
    """`Assignment`, `Quiz` (also the assignment of a classic quiz), `DiscussionTopic`, or the live assessment's own type."""
    html_url: Text | None = None
    """Its page."""


class ContributingScore(Shape):
    """The score of a student in an alignment."""

    user_id: UserRef
    """The student's id; `uuid:...` from a server that knows no id."""
    alignment_id: KeyText
    """The alignment."""
    score: Number | None
    """Raw points, not those of the outcome's scale."""
    submitted_or_assessed_at: Time | None = None
    """When the work was submitted, else when it was assessed; whole seconds."""


class ContributingScores(Shape):
    """What goes into the scores of an outcome in a course."""

    outcome: ContributingOutcome
    """The outcome."""
    alignments: list[ContributingAlignment]
    """What measures it."""
    scores: list[ContributingScore]
    """By student and result."""


class LevelCount(Shape):
    """How many students are on a level."""

    description: Text | None = None
    """Name of the level."""
    points: Number
    """Points from which a score is on it."""
    color: KeyText
    """Six hex digits; `#666666` where the scale has none."""
    count: Integer
    """Students on it."""
    student_ids: list[UserRef]
    """Which."""


class AlignmentDistribution(Shape):
    """The raw scores in an alignment, by level."""

    alignment_id: KeyText
    """The alignment."""
    ratings: list[LevelCount]
    """All levels, highest first."""
    total_students: Integer
    """Students with a score."""


class OutcomeDistribution(Shape):
    """The scores of an outcome, by level."""

    outcome_id: LinkId
    """The outcome."""
    ratings: list[LevelCount]
    """All levels, highest first."""
    total_students: Integer
    """Students with a score, also those below the lowest level."""
    alignment_distributions: dict[str, AlignmentDistribution] | None = None
    """With `include[]=alignment_distributions`: by alignment."""


class MasteryDistribution(Shape):
    """How many students of a course are on each level."""

    outcome_distributions: dict[str, OutcomeDistribution]
    """By outcome."""
    students: list[LinkedUser]
    """All of them."""


class SectionName(Shape):
    """A section of a student."""

    id: Id
    """The section."""
    name: Text | None = None
    """Its name."""


class CourseName(Shape):
    """A course by its name."""

    name: Text | None = None
    """The name."""


class StudentSections(Shape):
    """A student's sections."""

    sections: list[SectionName]
    """In the course."""
    last_login: Time | None = None
    """Not told by any event: null."""


class UserDetails(Shape):
    """What the gradebook tells of a student."""

    course: CourseName
    """The course."""
    user: StudentSections
    """The student."""
