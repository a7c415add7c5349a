"""Outcomes, their groups and links (`lib/canvas/live_events.rb`; Live Events, "Learning")."""

from typing import Annotated

from pydantic import Field

from schemas.base import MAX_RATINGS, Id, Integer, KeyText, Number, Part, StatefulBody, Text


class CriterionRating(Part):
    """One level of an outcome's own criterion."""

    id: Text | int | None = None
    """A label some old rows carry; not a Canvas id."""
    description: Text | None = None
    """What a teacher sees for this level."""
    points: Number | None = None
    """Points of this level."""
    color: Text | None = None
    """Hex colour; only some imported rows have it."""
    mastery: bool | None = None
    """Whether this level is the threshold; only some imported rows have it."""


class RubricCriterion(Part):
    """The outcome's own scale (`app/models/learning_outcome.rb`). Not what Canvas computes with while account scales are on."""

    id: Text | int | None = None
    """A label some old rows carry; not a Canvas id."""
    description: Text | None = None
    """Copied from the outcome's title."""
    mastery_points: Number | None = None
    """Points from which a score is mastery."""
    points_possible: Number | None = None
    """Points of the highest rating; 0 occurs in old rows."""
    ratings: Annotated[list[CriterionRating], Field(max_length=MAX_RATINGS)] | None = None
    """Highest first; missing in some old rows."""


class LearningOutcome(StatefulBody):
    """Learning outcomes, with their own criterion and calculation method."""

    kind = "learning_outcome"

    learning_outcome_id: Id
    """Local id of the outcome."""
    context_type: KeyText | None = None
    """`Account` or `Course`; absent for global outcomes."""
    context_id: Id | None = None
    """Local id of the owner; absent for global outcomes."""
    context_uuid: KeyText | None = None
    """Uuid of the owner."""
    title: Text
    """Title; the same column of Canvas as `short_description`."""
    short_description: Text | None = None
    """The same as `title`."""
    display_name: Text | None = None
    """Friendly name for reports; may be empty."""
    description: Text | None = None
    """HTML, sanitised by Canvas."""
    vendor_guid: Text | None = None
    """The school's or vendor's own key; not unique."""
    calculation_method: KeyText | None = None
    """Stored name of the method; absent means `highest`. The stored `decaying_average` is the weighted formula."""
    calculation_int: Integer | None = None
    """Parameter of the method: a weight in percent or a count. Old rows break the legal ranges."""
    rubric_criterion: RubricCriterion | None = None
    """The outcome's own scale: description, mastery_points, points_possible, ratings."""
    copied_from_outcome_id: Id | None = None
    """Local id of the outcome that this one was copied from, even where that lives on another shard."""
    original_outcome_root_account_uuid: KeyText | None = None
    """Tenant of the original; only where it is on another shard."""


class LearningOutcomeGroup(StatefulBody):
    """Groups (folders) of outcomes."""

    kind = "learning_outcome_group"

    learning_outcome_group_id: Id
    """Local id of the group."""
    context_type: KeyText | None = None
    """`Account` or `Course`; absent for global groups."""
    context_id: Id | None = None
    """Local id of the owner; absent for global groups."""
    context_uuid: KeyText | None = None
    """Uuid of the owner."""
    title: Text
    """Title; the root group of a context is named after it."""
    description: Text | None = None
    """HTML."""
    vendor_guid: Text | None = None
    """The school's or vendor's own key; not unique."""
    parent_outcome_group_id: Id | None = None
    """Local id of the parent; absent for the root group. Old data holds cycles."""
    parent_outcome_group_context_uuid: KeyText | None = None
    """Uuid of the parent's owner."""


class LearningOutcomeLink(StatefulBody):
    """Which outcome is in which group of which context."""

    kind = "learning_outcome_link"

    learning_outcome_link_id: Id
    """Local id of the link; a new one after unlink and relink."""
    learning_outcome_id: Id
    """The outcome; above 10^13 where it lives on another shard."""
    learning_outcome_context_uuid: KeyText | None = None
    """Uuid of the outcome's owner."""
    learning_outcome_group_id: Id | None = None
    """Local id of the group that holds the link."""
    learning_outcome_group_context_uuid: KeyText | None = None
    """Uuid of the group's owner."""
    context_type: KeyText | None = None
    """Context of the link: `Account`, `Course`, or `LearningOutcomeGroup` for a global group."""
    context_id: Id | None = None
    """Local id of that context."""


class OutcomeFriendlyDescription(StatefulBody):
    """What students read instead of an outcome's description, per context."""

    kind = "outcome_friendly_description"

    outcome_friendly_description_id: Id
    """Local id."""
    context_type: KeyText
    """`Account` or `Course` whose students read it."""
    context_id: Id
    """Local id of that context."""
    description: Text
    """What students read, at most 255 characters."""
    learning_outcome_id: Id
    """The outcome."""
    learning_outcome_context_uuid: KeyText | None = None
    """Uuid of the outcome's owner."""
    root_account_id: Id | None = None
    """LOCAL id of the root account, unlike the member of the same name in metadata."""
