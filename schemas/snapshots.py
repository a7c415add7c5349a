"""What a request to Canvas' REST API told, as an event of our own: `<table>_backfilled`, in the shape of the Live Event's body.

REST has no time of a version; `event_time` is when the request began. As text, `backfilled` sorts before `created` and
`updated`: at one and the same moment the feed is believed. REST tells less than the feed does, so two members may be missing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from schemas.base import Body, Id, Time
from schemas.learning_outcome import LearningOutcome, LearningOutcomeGroup, LearningOutcomeLink
from schemas.learning_outcome_result import LearningOutcomeResult
from schemas.outcome_proficiency import OutcomeProficiency
from schemas.tenancy import Account, Course


class LearningOutcomeResultSnapshot(LearningOutcomeResult):
    """REST does not tell when Canvas made a result."""

    created_at: Time | None = None  # type: ignore[assignment]  # less than the event tells
    """When Canvas made the row; absent where no event has told it."""


class OutcomeProficiencySnapshot(OutcomeProficiency):
    """REST does not tell the id of a scale."""

    outcome_proficiency_id: Id | Annotated[int, Field(strict=True, lt=0, ge=-(2**63))]
    """Local id of the scale; negative where no event has told it: -2 x `context_id` for an account, one less for a course."""


SNAPSHOTS: Mapping[str, type[Body]] = MappingProxyType(
    {
        "account_backfilled": Account,
        "course_backfilled": Course,
        "learning_outcome_backfilled": LearningOutcome,
        "learning_outcome_group_backfilled": LearningOutcomeGroup,
        "learning_outcome_link_backfilled": LearningOutcomeLink,
        "learning_outcome_result_backfilled": LearningOutcomeResultSnapshot,
        "outcome_proficiency_backfilled": OutcomeProficiencySnapshot,
    }
)
"""Name -> model of its body. Accounts and courses: the global id where it is known, else the local one."""
