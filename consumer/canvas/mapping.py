"""What an answer of REST tells, under the names of the Live Event's body. Pure.

A member is told where it is in the answer, and null tells that there is none; what is not in the answer is not told. Canvas'
words for the same: `docs` of each endpoint, and the table of design 7.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from consumer.canvas.client import Context
from schemas import rest

Members = dict[str, Any]

WITH_NUMBER = frozenset({"decaying_average", "weighted_average", "standard_decaying_average", "n_mastery"})
"""Methods that use `calculation_int`."""

_ASSIGNMENT = re.compile(r"assignment_([1-9][0-9]{0,18})", re.ASCII)
_QUIZ = re.compile(r"(assessment_question_bank|quiz)_[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Told:
    """An object of one table."""

    table: str
    id: int | None
    """None where REST gives none: links, and results of New Quizzes, which Canvas never saves."""
    members: Mapping[str, Any] = field(repr=False)
    """Without its own id. Integers, floats, texts and times, as the models hold them."""
    user: str | None = None
    """Of a result: the student's local id, or `uuid:` and the uuid."""


def account(told: rest.Account) -> Told:
    """`uuid` is not among them: of a root it is the tenant, and events know no other account's."""
    members = _there(told, "name", "root_account_id", "default_time_zone", "workflow_state")
    if "parent_account_id" in told.model_fields_set:
        members["parent_account_id"] = told.parent_account_id
    return Told("account", told.id, members)


def course(told: rest.Course) -> Told:
    """`workflow_state` in REST's words: `unpublished` is what events call `created` or `claimed`."""
    return Told("course", told.id, _there(told, "account_id", "uuid", "name", "created_at", "workflow_state"))


def group(told: rest.OutcomeGroup) -> Told:
    """No deleted groups are told. A whole one without parent is the root group of its context."""
    members = _named(told, "context_type", "context_id", "title", "description", "vendor_guid")
    if "context_id" in told.model_fields_set:
        members["parent_outcome_group_id"] = told.parent_outcome_group and told.parent_outcome_group.id
    return Told("learning_outcome_group", told.id, members | {"workflow_state": "active"})


def outcome(told: rest.Outcome, *, own: bool) -> Told:
    """No deleted outcomes are told. `own`: points, ratings and method are the outcome's, not the scale of a context."""
    members = _named(told, "context_type", "context_id", "title", "display_name", "description", "vendor_guid")
    members |= {"short_description": told.title, "workflow_state": "active"}
    if own:
        criterion = _named(told, "points_possible", "mastery_points")
        if "ratings" in told.model_fields_set:
            criterion["ratings"] = [
                {"description": one.description, "points": one.points} for one in told.ratings or ()
            ] or None
        if any(value is not None for value in criterion.values()):
            members["rubric_criterion"] = criterion
        if told.calculation_method is not None:
            members["calculation_method"] = told.calculation_method
            if told.calculation_method in WITH_NUMBER:
                members |= _named(told, "calculation_int")
    return Told("learning_outcome", told.id, members)


def link(told: rest.OutcomeGroupLink) -> Told:
    """Only active links are told, without their ids."""
    members = {
        "context_type": told.context_type,
        "context_id": told.context_id,
        "learning_outcome_group_id": told.outcome_group.id,
        "learning_outcome_id": told.outcome.id,
        "workflow_state": "active",
    }
    return Told("learning_outcome_link", None, members)


def result(told: rest.OutcomeResult, course_id: int, course_uuid: str | None) -> Told:
    """Only active results are told. `assessed_at` is when the work was submitted, else assessed: REST does not say which."""
    members = _named(told, "score", "possible", "percent", "mastery")
    members |= {
        "learning_outcome_id": told.links.learning_outcome,
        "result_context_type": "Course",
        "result_context_id": course_id,
        "workflow_state": "active",
    }
    if course_uuid is not None:
        members["result_context_uuid"] = course_uuid
    if told.submitted_or_assessed_at is not None:
        members["assessed_at"] = told.submitted_or_assessed_at
    if (assignment_id := assignment_of(told)) is not None:
        members |= {"associated_asset_type": "Assignment", "associated_asset_id": assignment_id}
    if told.links.alignment is not None and _QUIZ.fullmatch(told.links.alignment):
        members["artifact_type"] = "Quizzes::QuizSubmission"  # nothing else is measured by a bank of questions
    return Told("learning_outcome_result", told.id, members, told.links.user)


def assignment_of(told: rest.OutcomeResult) -> int | None:
    """The assignment that was assessed; also of a quiz that has one."""
    for asset in (told.links.alignment, told.links.assignment):
        if asset is not None and (found := _ASSIGNMENT.fullmatch(asset)):
            return int(found[1])
    return None


def scale(context: Context, ratings: Sequence[rest.ProficiencyRating]) -> Told:
    """The scale of a context that owns it."""
    levels = [_named(one, "description", "points", "mastery", "color") for one in ratings]
    members = {"context_type": context.context_type, "context_id": context.context_id, "workflow_state": "active"}
    return Told("outcome_proficiency", None, members | {"outcome_proficiency_ratings": levels})


def _named(told: BaseModel, *names: str) -> Members:
    """Those that are in the answer, null or not."""
    return {name: getattr(told, name) for name in names if name in told.model_fields_set}


def _there(told: BaseModel, *names: str) -> Members:
    """Those that are in the answer and not null: where the asker may not see a member, Canvas may tell null."""
    return {name: value for name in names if (value := getattr(told, name)) is not None}
