"""Small institutions made of chance: every kind of event that mastery depends on, in every form that Canvas sends or sent.

Event times differ, so that one order of versions is right; everything else repeats, contradicts itself and comes and goes.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.samples import NOON, Event, event, iso

SHARD = 2107 * 10**13
ACCOUNTS = (1, 2, 3, 4)
COURSES = (1, 2, 7)
STUDENTS = ("ana", "bo", "chi")
OUTCOMES = (1, 2, 3, 4)
METHODS = (
    "highest",
    "latest",
    "average",
    "n_mastery",
    "decaying_average",
    "weighted_average",
    "standard_decaying_average",
    "method_of_tomorrow",
)
SPAN = timedelta(days=100)


class World:
    """The events of one tenant, in the order of their `event_time`."""

    def __init__(self, seed: int, *, size: int = 80) -> None:
        self.chance = random.Random(seed)
        self.tenant = f"tenant-{seed}"
        self._size = size
        self._created: set[tuple[str, int]] = set()

    def events(self) -> list[Event]:
        """Events at different milliseconds of 100 days."""
        chance = self.chance
        kinds = [self.result] * 10 + [self.scale, self.method, self.outcome, self.link, self.assessment]
        if chance.random() < 0.7:
            kinds += [self.account, self.course]
        hinted = chance.random() < 0.5
        milliseconds = sorted(chance.sample(range(int(SPAN.total_seconds() * 1000)), self._size))
        return [self._at(made, at, hinted) for at, made in zip(milliseconds, self._made(kinds), strict=False)]

    def alignments(self) -> list[tuple[int, int, int, str, datetime]]:
        """What REST told of alignments: (course, outcome, assignment, state, moment), at moments that are no event's."""
        chance = random.Random(f"{self.tenant} alignments")
        told = []
        for _ in range(chance.choice((0, 6, 12))):
            moment = NOON + timedelta(microseconds=chance.randrange(int(SPAN.total_seconds() * 1000)) * 1000 + 500)
            place = chance.choice(COURSES), chance.choice(OUTCOMES), chance.randrange(1, 3)
            told.append((*place, chance.choice(("deleted", "deleted", "active")), moment))
        return told

    def _made(self, kinds: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for _ in range(self._size):
            yield self.chance.choice(kinds)()

    def _at(self, made: tuple[str, dict[str, Any]], milliseconds: int, hinted: bool) -> Event:
        name, members = made
        time = NOON + timedelta(milliseconds=milliseconds)
        told = event(name, at=time, tenant=self.tenant, **members)
        told["metadata"] = {"event_name": name, "event_time": iso(time), "root_account_uuid": self.tenant}
        if hinted and self.chance.random() < 0.2:
            told["metadata"] |= {
                "context_type": self.chance.choice(("Course", "Course", "Account")),
                "context_id": str(SHARD + self.chance.choice(COURSES)),
                "context_account_id": str(SHARD + self.chance.choice(ACCOUNTS)),
            }
            if self.chance.random() < 0.7:
                told["metadata"]["root_account_id"] = str(SHARD + 1)
        return told

    def _kind(self, name: str, id_: int) -> str:
        created = (name, id_) in self._created
        self._created.add((name, id_))
        return f"{name}_{'updated' if created else 'created'}"

    def _state(self) -> str:
        return self.chance.choices(("active", "deleted", "archived"), (8, 2, 1))[0]

    def _points(self, count: int) -> list[float]:
        return sorted(self.chance.sample((0.0, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 8.33, 10.0), count), reverse=True)

    def result(self) -> tuple[str, dict[str, Any]]:
        """A result of a quiz, a rubric or nothing known; now and then without score, percent, possible or course."""
        chance = self.chance
        id_ = chance.randrange(1, 31)
        like = random.Random(id_)  # what one result never changes
        possible = chance.choice((None, 0.0, 1.0, 3.0, 5.0, 5.0, 10.0))
        score = chance.choice((None, 0.0, *(round(chance.uniform(0, 10), chance.choice((0, 1, 2))) for _ in range(6))))
        percent = chance.choice(
            (None, round((score or 0) / 10, 4), round(chance.random(), 4), chance.randrange(21) / 20, (score or 0) / 3, 1.25)
        )
        if chance.random() < 0.03:
            score, possible, percent = chance.choice(((5e-324, 1e-200, 1e-200), (score, 5e-324, -5e-324), (1e15, 1e-99, 1e-99)))
        artifact, asset = like.choice(
            (
                ("Quizzes::QuizSubmission", "Quizzes::Quiz"),
                ("Quizzes::QuizSubmission", "Quizzes::Quiz"),
                ("Quizzes::QuizSubmission", "AssessmentQuestion"),
                ("Quizzes::QuizSubmission", "Assignment"),  # as REST tells a bank's
                ("RubricAssessment", "Assignment"),
                ("RubricAssessment", "Assignment"),
                ("Submission", "Assignment"),
                (..., ...),
            )
        )
        places = [*(("Course", course) for course in COURSES for _ in "12"), (..., 1), ("Account", 1), (..., ...)]
        kind, course = like.choice(places)
        asset_id = chance.choice((*(str(like.randrange(1, 3)) for _ in range(3)), None))
        return self._kind("learning_outcome_result", id_), {
            "id": str(id_),
            "learning_outcome_id": str(like.choice(OUTCOMES)),
            "user_uuid": like.choice(STUDENTS),
            "result_context_type": kind,
            "result_context_id": ... if course is ... else str(course),
            "score": score,
            "possible": possible,
            "percent": percent,
            "artifact_type": artifact,
            "artifact_id": str(like.randrange(1, 6)),
            "associated_asset_type": asset,
            "associated_asset_id": asset_id,
            "assessed_at": chance.choice((None, *(iso(NOON + chance.random() * SPAN) for _ in range(5)))),
            "workflow_state": self._state(),
        }

    def assessment(self) -> tuple[str, dict[str, Any]]:
        """A rubric assessment, for the submission time."""
        return "rubric_assessed", {
            "id": str(self.chance.randrange(1, 6)),
            "submitted_at": self.chance.choice((None, iso(NOON + self.chance.random() * SPAN))),
        }

    def _owner(self) -> dict[str, Any]:
        kind, ids = self.chance.choice((("Account", ACCOUNTS), ("Account", ACCOUNTS), ("Course", COURSES)))
        return {"context_type": kind, "context_id": str(self.chance.choice(ids))}

    def _owned(self, name: str, number: int) -> tuple[int, dict[str, Any]]:
        """An id and its owner, which is nearly always the same."""
        owners = random.Random(f"{self.tenant} {name}")
        kept, self.chance = self.chance, owners
        all_ = [self._owner() for _ in range(number)]
        self.chance = kept
        id_ = self.chance.randrange(number)
        return id_ + 1, self._owner() if self.chance.random() < 0.05 else all_[id_]

    def scale(self) -> tuple[str, dict[str, Any]]:
        """A mastery scale of an account or a course."""
        id_, owner = self._owned("scale", 4)
        points = self._points(self.chance.randrange(1, 6))
        mastery = self.chance.randrange(len(points))
        ratings = [
            {
                "outcome_proficiency_rating_id": str(index + 1),
                "description": f"Level {index}",
                "points": value,
                "mastery": index == mastery,
                "color": f"{index:06X}",
                "workflow_state": "active",
            }
            for index, value in enumerate(points)
        ]
        if self.chance.random() < 0.2:
            gone = {"points": self.chance.choice((0.5, 12.0)), "mastery": True, "workflow_state": "deleted"}
            ratings.append(ratings[0] | gone)
        return self._kind("outcome_proficiency", id_), {
            "outcome_proficiency_id": str(id_),
            **owner,
            "outcome_proficiency_ratings": ratings,
            "workflow_state": self.chance.choice(("active", "active", "active", "deleted")),
        }

    def _int(self) -> int | None:
        return self.chance.choice((None, 0, 1, 2, 3, 5, 11, 40, 50, 65, 99, 100))

    def method(self) -> tuple[str, dict[str, Any]]:
        """A calculation method of an account or a course."""
        id_, owner = self._owned("method", 4)
        return self._kind("outcome_calculation_method", id_), {
            "outcome_calculation_method_id": str(id_),
            **owner,
            "calculation_method": self.chance.choice(METHODS),
            "calculation_int": self._int(),
            "workflow_state": self.chance.choice(("active", "active", "active", "deleted")),
        }

    def outcome(self) -> tuple[str, dict[str, Any]]:
        """An outcome with its own method and criterion, whole or in parts."""
        chance = self.chance
        id_ = chance.choice(OUTCOMES[:3])  # the last is never told
        ratings: list[dict[str, Any]] = [
            {"description": f"Own {index}", "points": value} for index, value in enumerate(self._points(chance.randrange(1, 5)))
        ]
        if chance.random() < 0.3:
            ratings.append({"description": "Again", "points": ratings[0]["points"]})
        criterion: dict[str, Any] = {
            "description": "A title",
            "points_possible": chance.choice((None, 0, 5, ratings[0]["points"])),
            "mastery_points": chance.choice((None, 3, ratings[-1]["points"])),
            "ratings": ratings,
        }
        for member in ("points_possible", "mastery_points", "ratings"):
            if chance.random() < 0.15:
                del criterion[member]
        return self._kind("learning_outcome", id_), {
            "learning_outcome_id": str(id_),
            "calculation_method": chance.choice((None, *METHODS)),
            "calculation_int": self._int(),
            "rubric_criterion": chance.choice((None, criterion, criterion, criterion, criterion)),
            "workflow_state": self._state(),
        }

    def link(self) -> tuple[str, dict[str, Any]]:
        """A link of an outcome into a course or an account."""
        id_ = self.chance.randrange(1, 9)
        like = random.Random(id_)
        return self._kind("learning_outcome_link", id_), {
            "learning_outcome_link_id": str(id_),
            "learning_outcome_id": str(like.choice(OUTCOMES)),
            "context_type": like.choice(("Course", "Course", "Course", "Account")),
            "context_id": str(like.choice(COURSES)),
            "workflow_state": self.chance.choice(("active", "deleted")),
        }

    def account(self) -> tuple[str, dict[str, Any]]:
        """An account under another one; rarely in a circle."""
        id_ = self.chance.choice(ACCOUNTS)
        parents = ACCOUNTS if self.chance.random() < 0.1 else ACCOUNTS[: id_ - 1]
        return self._kind("account", id_), {
            "account_id": str(SHARD + id_),
            "root_account_id": str(SHARD + 1),
            "parent_account_id": str(SHARD + self.chance.choice(parents)) if parents else ...,
        }

    def course(self) -> tuple[str, dict[str, Any]]:
        """A course in an account."""
        id_ = self.chance.choice(COURSES)
        return self._kind("course", id_), {
            "course_id": str(SHARD + id_),
            "account_id": str(SHARD + self.chance.choice(ACCOUNTS)),
        }
