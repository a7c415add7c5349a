"""From rows about results and rollups to Canvas' shapes. Pure.

Members are those of Canvas' `lib/api/v1/outcome_results.rb`; colours and levels those of `app/models/learning_outcome.rb`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import orjson

from consumer.query.members import Member
from consumer.serve.api.naming import Name
from consumer.serve.api.serializers import Json, Row

Stat: TypeAlias = Literal["mean", "median"]


_ASSETS = {
    "Assignment": "assignment",
    "Quizzes::Quiz": "quiz",
    "AssessmentQuestion": "assessment_question",
    "LiveAssessments::Assessment": "live_assessments/assessment",
}
_LETTERS = {"Assignment": "A", "Quizzes::Quiz": "Q", "LiveAssessments::Assessment": "L"}
ALIGNMENT = "^[AQL]_[1-9][0-9]{0,18}$"
"""An alignment in parameters. Canvas writes a letter and the alignment's own id, which no event tells: here it is that of the
assignment (A), quiz (Q) or live assessment (L)."""
_NO_COLOR = "#666666"
_COLORS: Mapping[tuple[int, int], str] = {
    (1, 0): "0B874B",
    (2, 0): "0B874B 555555",
    (2, 1): "0B874B 555555",
    (3, 0): "0B874B FAB901 555555",
    (3, 1): "0374B5 0B874B 555555",
    (3, 2): "0B874B FAB901 555555",
    (4, 0): "0B874B FAB901 E0061F 555555",
    (4, 1): "0374B5 0B874B FAB901 555555",
    (4, 3): "0B874B FAB901 E0061F 555555",
    (5, 1): "0374B5 0B874B FAB901 E0061F 555555",
}
"""Of an outcome's own levels, highest first: by how many there are, and which of them is mastery."""


def user_ref(student: Member) -> str:
    """A student in `links.user`: the id, or the uuid where no id is known."""
    return f"uuid:{student.key}" if student.user_id is None else str(student.user_id)


def asset(type_: str | None, id_: int | None) -> str | None:
    """What was aligned, as `assignment_56`."""
    name = _ASSETS.get(type_ or "")
    return f"{name}_{id_}" if name and id_ is not None else None


def aligned_id(type_: str | None, id_: int | None) -> str | None:
    """What was aligned, in parameters and in contributing scores."""
    letter = _LETTERS.get(type_ or "")
    return f"{letter}_{id_}" if letter and id_ is not None else None


def alignment_id(row: Row) -> str | None:
    """Of a result."""
    return aligned_id(row["associated_asset_type"], row["associated_asset_id"])


# -- results and rollups --


def result(row: Row, student: Member) -> Json:
    """A result. No event says which question bank of a quiz is aligned: the quiz stands for it."""
    aligned = asset(row["associated_asset_type"], row["associated_asset_id"])
    links: Json = {"user": user_ref(student), "learning_outcome": str(row["learning_outcome_id"]), "alignment": aligned}
    if row["associated_asset_type"] == "Assignment":
        links["assignment"] = aligned
    return {
        **{name: row[name] for name in ("id", "score", "mastery", "possible", "percent")},
        "hidden": False,
        "hide_points": False,
        "submitted_or_assessed_at": row["submitted_or_assessed_at"],
        "links": links,
    }


def rollups(students: Iterable[Member], scores: Mapping[Member, str]) -> Json:
    """A page of students with their scores (JSON): a rollup for each enrolment, or one where none is known."""
    rows = []
    for student in students:
        of_student = orjson.Fragment(scores.get(student, "[]"))
        user = user_ref(student)
        links = [
            {"user": user, "section": str(one.course_section_id), "status": one.workflow_state} for one in student.enrollments
        ]
        rows += [{"scores": of_student, "links": link} for link in links or [{"user": user}]]
    return {"rollups": rows}


def aggregate(rows: Iterable[Row], course_id: int, stat: Stat) -> Json:
    """A course's one rollup over its students."""
    scores = [
        {
            "score": row[stat],
            "title": row["title"],
            "submitted_at": None,
            "count": row["count"],
            "hide_points": False,
            "links": {"outcome": str(row["learning_outcome_id"])},
        }
        for row in rows
    ]
    return {"rollups": [{"scores": scores, "links": {"course": str(course_id)}}]}


def linked_user(user: str, name: Name) -> Json:
    """A student of `linked`."""
    shown = {"id": user, "name": name.name, "display_name": name.short_name, "sortable_name": name.sortable_name}
    told = {"sis_id": name.sis_user_id, "login_id": name.login}
    return shown | {member: value for member, value in told.items() if value is not None}


def linked_alignment(row: Row) -> Json:
    """What was aligned, of `linked`."""
    return {"id": asset(row["asset_type"], row["asset_id"]), "name": row["title"], "html_url": row["url"]}


def linked_assignment(row: Row) -> Json:
    """An assignment of `linked`."""
    return linked_alignment(row) | {"submission_types": row["submission_types"]}


def contributing_alignment(row: Row, alignment: str) -> Json:
    """What measures an outcome. Canvas calls the assignment of a classic quiz a quiz."""
    types = (row["submission_types"] or "").split(",")
    quiz = row["asset_type"] == "Quizzes::Quiz" or "online_quiz" in types
    discussion = row["asset_type"] == "Assignment" and "discussion_topic" in types
    return {
        "alignment_id": alignment,
        "associated_asset_id": str(row["asset_id"]),
        "associated_asset_name": row["title"],
        "associated_asset_type": "Quiz" if quiz else "DiscussionTopic" if discussion else row["asset_type"],
        "html_url": row["url"],
    }


def contributing_score(row: Row, student: Member) -> Json:
    """A student's raw score."""
    return {
        "user_id": user_ref(student),
        "alignment_id": alignment_id(row),
        "score": row["score"],
        "submitted_or_assessed_at": row["submitted_or_assessed_at"],
    }


# -- levels --


def with_defaults(outcome: Json) -> Json:
    """With colours and the mastery level, where the outcome is on its own scale."""
    levels = outcome["ratings"] or []
    if any("color" in level for level in levels):
        return outcome
    mastery = next((n for n, level in enumerate(levels) if level["points"] == outcome["mastery_points"]), -1)
    colors = _COLORS.get((len(levels), mastery), "").split()
    if not colors:
        return outcome
    shown = [
        level | {"color": color, "mastery": n == mastery} for n, (level, color) in enumerate(zip(levels, colors, strict=True))
    ]
    return outcome | {"ratings": shown}


def levels_of(outcome: Json) -> list[Json]:
    """Highest first, without those that have no points."""
    levels = [level for level in outcome["ratings"] or () if level["points"] is not None]
    return sorted(levels, key=lambda level: -float(level["points"]))


def level_of(score: float, levels: Sequence[Json]) -> int | None:
    """Which level a score is on: the first whose points it reaches; None below the lowest."""
    return next((n for n, level in enumerate(levels) if level["points"] <= score), None)


def with_percents(outcome: Json, scores: Sequence[float]) -> Json:
    """With how many of a hundred students are on each level; of those who are on one. Each is rounded for itself."""
    levels = levels_of(outcome)
    places = [level_of(score, levels) for score in scores]
    placed = [place for place in places if place is not None]
    counted = {id(level): places.count(n) for n, level in enumerate(levels)}
    shown = [
        level | {"percent": round(100 * counted.get(id(level), 0) / len(placed)) if placed else 0}
        for level in outcome["ratings"] or ()
    ]
    return outcome | {"ratings": shown}


def distribution(outcome: Json, scores: Sequence[tuple[str, float]]) -> Json:
    """How many students (id, score) are on each level. Who is below the lowest one counts in the total alone."""
    levels = levels_of(outcome)
    on: list[list[str]] = [[] for _ in levels]
    for user, score in scores:
        level = level_of(score, levels)
        if level is not None:
            on[level].append(user)
    return {
        "ratings": [
            {
                "description": level["description"],
                "points": level["points"],
                "color": level.get("color") or _NO_COLOR,
                "count": len(students),
                "student_ids": students,
            }
            for level, students in zip(levels, on, strict=True)
        ],
        "total_students": len(scores),
    }
