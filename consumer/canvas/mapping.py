"""Maps REST objects to the members of a Live Event's body. Pure.

A member that the answer does not contain is left out. Null means that Canvas has no value.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from consumer.canvas.client import Context
from schemas import rest, rest_people

Members = dict[str, Any]

WITH_NUMBER = frozenset({"decaying_average", "weighted_average", "standard_decaying_average", "n_mastery"})
"""Methods that use `calculation_int`."""

_ASSIGNMENT = re.compile(r"assignment_([1-9][0-9]{0,18})", re.ASCII)
_QUIZ = re.compile(r"(assessment_question_bank|quiz)_[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """An object of one table, as REST shows it."""

    table: str
    id: int | None
    """None for links, whose ids REST does not show, and for results of New Quizzes, which Canvas never saves."""
    members: Mapping[str, Any] = field(repr=False)
    """Without its own id. Integers, floats, texts and times, as the models hold them."""
    user: str | None = None
    """For a result: the student's local id, or `uuid:` and the uuid."""
    saved_at: datetime | None = None
    """For an enrolment: when Canvas saved it last."""


def account(remote: rest.Account) -> RemoteObject:
    """Without `uuid`: a root account's is the tenant, and events show no other."""
    members = _not_null(remote, "name", "root_account_id", "default_time_zone", "workflow_state")
    return RemoteObject("account", remote.id, members | _present(remote, "parent_account_id"))


def course(remote: rest.Course) -> RemoteObject:
    """`workflow_state` in REST's words: `unpublished` is `created` or `claimed` in events."""
    members = _not_null(remote, "account_id", "uuid", "name", "created_at", "workflow_state")
    return RemoteObject("course", remote.id, members)


def course_detail(remote: rest.Course) -> RemoteObject:
    """What no event tells of a course."""
    members = _present(remote, "enrollment_term_id", "course_code", "start_at", "end_at", "sis_course_id")
    return RemoteObject("course_detail", remote.id, members)


def term(remote: rest.Term) -> RemoteObject:
    """No event tells of terms."""
    members = _present(remote, "name", "start_at", "end_at", "created_at", "grading_period_group_id", "sis_term_id")
    return RemoteObject("enrollment_term", remote.id, members | _not_null(remote, "workflow_state"))


def section(remote: rest_people.Section) -> RemoteObject:
    """REST shows active sections only."""
    members = _present(
        remote,
        "course_id",
        "nonxlist_course_id",
        "name",
        "start_at",
        "end_at",
        "restrict_enrollments_to_section_dates",
        "integration_id",
    )
    if "sis_section_id" in remote.model_fields_set:
        members["sis_source_id"] = remote.sis_section_id
    return RemoteObject("course_section", remote.id, members | {"workflow_state": "active"})


def assignment(remote: rest_people.Assignment, course_id: int) -> RemoteObject:
    """REST shows no deleted assignments."""
    members = _present(remote, "assignment_group_id", "points_possible", "due_at", "unlock_at", "lock_at")
    members |= _not_null(remote, "workflow_state") | {"context_type": "Course", "context_id": course_id}
    if remote.name is not None:
        members["title"] = remote.name
    if remote.submission_types is not None:
        members["submission_types"] = ",".join(remote.submission_types)
    return RemoteObject("assignment", remote.id, members)


def assignment_detail(remote: rest_people.Assignment, course_id: int) -> RemoteObject:
    """What no event tells of an assignment."""
    members = _present(remote, "quiz_id", "post_manually", "grading_type")
    return RemoteObject("assignment_detail", remote.id, members | {"course_id": course_id})


def enrollment(remote: rest_people.Enrollment, course_uuid: str | None, user_uuid: str | None) -> RemoteObject:
    """REST shows deleted ones too, when it is asked for them."""
    members = _present(remote, "course_section_id", "associated_user_id", "limit_privileges_to_course_section")
    members |= {"course_id": remote.course_id, "user_id": remote.user_id, "type": remote.type}
    members |= {"workflow_state": remote.enrollment_state} | _not_null(remote, "created_at")
    if course_uuid is not None:
        members["course_uuid"] = course_uuid
    if user_uuid is not None:
        members["user_uuid"] = user_uuid
    return RemoteObject("enrollment", remote.id, members, saved_at=remote.updated_at)


def user(remote: rest_people.User) -> RemoteObject:
    """REST shows no state; of deleted users it shows those who were merged into another one."""
    members = _not_null(remote, "uuid", "created_at", "name", "short_name", "sortable_name")
    for member, value in (("user_login", remote.login_id), ("user_sis_id", remote.sis_user_id)):
        if value is not None:
            members[member] = value
    state = "registered" if remote.merged_into_user_id is None else "deleted"
    return RemoteObject("canvas_user", remote.id, members | {"workflow_state": state})


def user_merge(user_id: int, merged_into_user_id: int | None) -> RemoteObject:
    """Whom a user was merged into; None: into nobody any more."""
    return RemoteObject("user_merge", user_id, {"merged_into_user_id": merged_into_user_id})


def group(remote: rest.OutcomeGroup) -> RemoteObject:
    """REST shows no deleted groups. A full group without a parent is the root group of its context."""
    members = _present(remote, "context_type", "context_id", "title", "description", "vendor_guid")
    if "context_id" in remote.model_fields_set:
        members["parent_outcome_group_id"] = remote.parent_outcome_group and remote.parent_outcome_group.id
    return RemoteObject("learning_outcome_group", remote.id, members | {"workflow_state": "active"})


def outcome(remote: rest.Outcome, *, own_criterion: bool) -> RemoteObject:
    """REST shows no deleted outcomes. `own_criterion`: ratings and method are the outcome's, not its context's."""
    members = _present(remote, "context_type", "context_id", "title", "display_name", "description", "vendor_guid")
    members |= {"short_description": remote.title, "workflow_state": "active"}
    if own_criterion:
        criterion = _present(remote, "points_possible", "mastery_points")
        if "ratings" in remote.model_fields_set:
            ratings = [{"description": one.description, "points": one.points} for one in remote.ratings or ()]
            criterion["ratings"] = ratings or None
        if any(value is not None for value in criterion.values()):
            members["rubric_criterion"] = criterion
        if remote.calculation_method is not None:
            members["calculation_method"] = remote.calculation_method
            if remote.calculation_method in WITH_NUMBER:
                members |= _present(remote, "calculation_int")
    return RemoteObject("learning_outcome", remote.id, members)


def link(remote: rest.OutcomeGroupLink) -> RemoteObject:
    """REST shows active links only, without their ids."""
    members = {
        "context_type": remote.context_type,
        "context_id": remote.context_id,
        "learning_outcome_group_id": remote.outcome_group.id,
        "learning_outcome_id": remote.outcome.id,
        "workflow_state": "active",
    }
    return RemoteObject("learning_outcome_link", None, members)


def result(remote: rest.OutcomeResult, course_id: int, course_uuid: str | None) -> RemoteObject:
    """REST shows active results only. `assessed_at` is when the work was submitted or assessed: REST does not say which."""
    members = _present(remote, "score", "possible", "percent", "mastery")
    members |= {
        "learning_outcome_id": remote.links.learning_outcome,
        "result_context_type": "Course",
        "result_context_id": course_id,
        "workflow_state": "active",
    }
    if course_uuid is not None:
        members["result_context_uuid"] = course_uuid
    if remote.submitted_or_assessed_at is not None:
        members["assessed_at"] = remote.submitted_or_assessed_at
    if (assignment_id := assignment_of(remote)) is not None:
        members |= {"associated_asset_type": "Assignment", "associated_asset_id": assignment_id}
    if remote.links.alignment is not None and _QUIZ.fullmatch(remote.links.alignment):
        members["artifact_type"] = "Quizzes::QuizSubmission"  # only quizzes are measured by a question bank
    return RemoteObject("learning_outcome_result", remote.id, members, remote.links.user)


def assignment_of(remote: rest.OutcomeResult) -> int | None:
    """The assessed assignment; a quiz may have one too."""
    for asset in (remote.links.alignment, remote.links.assignment):
        if asset is not None and (found := _ASSIGNMENT.fullmatch(asset)):
            return int(found[1])
    return None


def scale(context: Context, ratings: Sequence[rest.ProficiencyRating]) -> RemoteObject:
    """The scale of a context that owns it."""
    levels = [_present(one, "description", "points", "mastery", "color") for one in ratings]
    members = {"context_type": context.context_type, "context_id": context.context_id, "workflow_state": "active"}
    return RemoteObject("outcome_proficiency", None, members | {"outcome_proficiency_ratings": levels})


def _present(remote: BaseModel, *names: str) -> Members:
    """Members that the answer contains, null or not."""
    return {name: getattr(remote, name) for name in names if name in remote.model_fields_set}


def _not_null(remote: BaseModel, *names: str) -> Members:
    """Canvas may answer null for members that the token's user may not see."""
    return {name: value for name in names if (value := getattr(remote, name)) is not None}
