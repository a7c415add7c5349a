"""Mastery scales ("outcome proficiency") and the calculation methods that go with them."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import MAX_RATINGS, Flag, Id, Integer, KeyText, Number, Part, Reason, StatefulBody, Text


class OutcomeProficiencyRating(Part):
    """One level of a scale."""

    outcome_proficiency_rating_id: Id | None = None
    """Reused by POSITION when a scale is edited: after an edit it may belong to another meaning."""
    description: Text
    """Name of the level."""
    points: Number
    """Points from which a score is in this level."""
    mastery: Flag
    """Whether mastery starts here; exactly one level of a scale has it."""
    color: Annotated[KeyText, Field(description="Six hex digits without `#`.")]
    workflow_state: KeyText = "active"
    """`active`, or `deleted` together with the whole scale."""


def _refuse(why: str) -> PydanticCustomError:
    return PydanticCustomError(Reason.BAD_SCALE.value, "Canvas cannot save such a scale: {why}", {"why": why})


class OutcomeProficiency(StatefulBody):
    """Mastery scales of accounts and courses, with all their ratings.

    One row per context for ever: deletion and re-creation reuse the id. `updated_at` does not move when only ratings change.
    Refused with `bad_scale`: what Canvas' model cannot save (`app/models/outcome_proficiency.rb`).
    """

    kind = "outcome_proficiency"

    outcome_proficiency_id: Id
    """Local id of the scale."""
    context_type: KeyText
    """`Account` or `Course`."""
    context_id: Id
    """Local id of the owner."""
    outcome_proficiency_ratings: Annotated[list[OutcomeProficiencyRating], Field(max_length=MAX_RATINGS)]
    """All levels, points falling."""

    @model_validator(mode="after")
    def _as_canvas_saves_it(self) -> Self:
        ratings = [rating for rating in self.outcome_proficiency_ratings if rating.workflow_state != "deleted"]
        if self.workflow_state == "deleted":
            return self
        if not ratings:
            raise _refuse("it has no ratings")
        if (masteries := sum(rating.mastery for rating in ratings)) != 1:
            raise _refuse(f"exactly one rating is mastery, here {masteries} are")
        if any(upper.points <= lower.points for upper, lower in pairwise(ratings)):
            raise _refuse("points fall from rating to rating")
        if ratings[-1].points < 0:
            raise _refuse("points are not negative")
        return self


class OutcomeCalculationMethod(StatefulBody):
    """Calculation methods of whole accounts and courses."""

    kind = "outcome_calculation_method"

    outcome_calculation_method_id: Id
    """Local id."""
    context_type: KeyText
    """`Account` or `Course`."""
    context_id: Id
    """Local id of the owner."""
    calculation_method: KeyText
    """Stored name of the method; the stored `decaying_average` is the weighted formula."""
    calculation_int: Integer | None = None
    """Parameter of the method: a weight in percent or a count."""
