"""What a request to Canvas' REST API told, as an event of our own: `<table>_backfilled`, in the shape of the Live Event's body.

REST has no time of a version: `event_time` is when the request began. Of a changed enrolment it is the `updated_at` that REST
shows. As text, `backfilled` sorts before `created` and `updated`: at one and the same moment the feed is believed. REST tells
less than the feed does, so two members may be missing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from schemas.base import Body, Id, PersonText, Time
from schemas.learning_outcome import LearningOutcome, LearningOutcomeGroup, LearningOutcomeLink
from schemas.learning_outcome_result import LearningOutcomeResult
from schemas.outcome_proficiency import OutcomeProficiency
from schemas.people import (
    Assignment,
    AssignmentDetail,
    CanvasUser,
    CourseDetail,
    CourseSection,
    Enrollment,
    EnrollmentTerm,
    UserMerge,
)
from schemas.tenancy import Account, Course


class LearningOutcomeResultSnapshot(LearningOutcomeResult):
    """REST does not tell when Canvas made a result."""

    created_at: Time | None = None  # type: ignore[assignment]  # less than the event tells
    """When Canvas made the row; absent where no event has told it."""


class CanvasUserSnapshot(CanvasUser):
    """REST also tells the name by which Canvas sorts."""

    sortable_name: PersonText | None = None
    """"Last, First"."""


class OutcomeProficiencySnapshot(OutcomeProficiency):
    """REST does not tell the id of a scale."""

    outcome_proficiency_id: Id | Annotated[int, Field(strict=True, lt=0, ge=-(2**63))]
    """Local id of the scale; negative where no event has told it: -2 x `context_id` for an account, one less for a course."""


SNAPSHOTS: Mapping[str, type[Body]] = MappingProxyType(
    {
        "account_backfilled": Account,
        "assignment_backfilled": Assignment,
        "assignment_detail_backfilled": AssignmentDetail,
        "canvas_user_backfilled": CanvasUserSnapshot,
        "course_backfilled": Course,
        "course_detail_backfilled": CourseDetail,
        "course_section_backfilled": CourseSection,
        "enrollment_backfilled": Enrollment,
        "enrollment_term_backfilled": EnrollmentTerm,
        "learning_outcome_backfilled": LearningOutcome,
        "learning_outcome_group_backfilled": LearningOutcomeGroup,
        "learning_outcome_link_backfilled": LearningOutcomeLink,
        "learning_outcome_result_backfilled": LearningOutcomeResultSnapshot,
        "outcome_proficiency_backfilled": OutcomeProficiencySnapshot,
        "user_merge_backfilled": UserMerge,
    }
)
"""Name -> model of its body. Ids that events tell as global ones: the global id where it is known, else the local one."""
