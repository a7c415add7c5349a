"""Shapes of the newer endpoints of Canvas' gradebook of learning mastery, as those of `schemas.rest`. Ids are strings.

Published nowhere; members are those of Canvas' `app/controllers/outcome_results_controller.rb`.
"""

from schemas.base import Integer, KeyText, Number, Text, Time
from schemas.rest import LinkedUser, Shape
from schemas.rest_ids import Id, LinkId, UserRef


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
