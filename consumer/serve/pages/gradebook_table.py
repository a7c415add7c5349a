"""A gradebook as a page shows it: which students, in which order, with which marks. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from consumer.query.comparison import Comparison
from consumer.query.gradebook import Gradebook, Row
from consumer.query.students import Student
from consumer.serve.pages.rendering import place_of, shape

SIZES = (15, 30, 50, 100)
"""Students of a page, as Canvas offers them."""


@dataclass(frozen=True)
class Cell:
    """One score."""

    score: Any
    rating: str | None
    mark: str
    """The id of its drawing."""
    step: Any = None
    """Against the other moment."""
    rating_before: str | None = None
    """Where the level is another one."""


@dataclass(frozen=True)
class Column:
    """One outcome."""

    outcome: Row
    not_yet: int
    counts: Mapping[str, int]
    changed: Sequence[str]

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.outcome["display_name"] or self.outcome["title"] or f"outcome {self.outcome['learning_outcome_id']}")

    @property
    def id(self) -> int:
        """Of the outcome."""
        return int(self.outcome["learning_outcome_id"])

    @cached_property
    def bars(self) -> list[dict[str, Any]]:
        """How the assessed students are spread over the levels, the highest first, in hundredths from the left."""
        return bars(self.outcome["levels"])

    @property
    def share(self) -> int | None:
        """How many of a hundred assessed students are at mastery."""
        return round(100 * self.outcome["mastered"] / self.outcome["assessed"]) if self.outcome["assessed"] else None


def bars(levels: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Levels with students, from left to right: where each begins, and how wide it is."""
    total, left, found = sum(level["count"] for level in levels), 0.0, []
    for level in levels:
        if level["count"]:
            width = 100 * level["count"] / total
            found.append({"x": round(left, 2), "width": round(width, 2), **level})
            left += width
    return found


@dataclass(frozen=True)
class Table:
    """One page of a gradebook."""

    found: Gradebook
    comparison: Comparison | None
    students: Sequence[Student]
    """Of this page."""
    columns: Sequence[Column]
    number: int
    size: int

    @classmethod
    def of(
        cls,
        found: Gradebook,
        comparison: Comparison | None = None,
        *,
        sort: int | None = None,
        descending: bool = False,
        number: int = 1,
        size: int | None = None,
    ) -> "Table":
        """A page of so many students; None: all. Who has no score comes last."""
        students = list(found.students)
        if sort is not None:
            scores = {one.key: cell["score"] for one in students if (cell := found.cells.get((one.key, sort)))}
            first = sorted((one for one in students if one.key in scores), key=lambda one: scores[one.key], reverse=descending)
            students = first + [one for one in students if one.key not in scores]
        elif descending:
            students.reverse()
        size = size or max(1, len(students))
        columns = [
            Column(
                outcome,
                found.not_yet_assessed(outcome),
                comparison.counts(found, outcome["learning_outcome_id"]) if comparison else {},
                comparison.marks(found, outcome["learning_outcome_id"]) if comparison else (),
            )
            for outcome in found.outcomes
        ]
        return cls(found, comparison, students[(number - 1) * size : number * size], columns, number, size)

    @property
    def total(self) -> int:
        """Students of all pages."""
        return len(self.found.students)

    @property
    def last(self) -> int:
        """The number of the last page."""
        return max(1, -(-self.total // self.size))

    @property
    def all_unknown(self) -> bool:
        """Whether no enrolment is known at all: then nobody is marked for that."""
        return all(one.standing == "unknown" for one in self.found.students)

    @cached_property
    def marks(self) -> dict[tuple[str, str | None], str]:
        """The drawings of this page: shape and colour, and the id of each."""
        drawings = {
            (shape(n, levels), level["color"])
            for levels in (column.outcome["levels"] for column in self.columns)
            for n, level in enumerate(levels)
        }
        drawings.add(("low", None))
        return {drawing: f"m{n}" for n, drawing in enumerate(sorted(drawings, key=str))}

    @cached_property
    def scales(self) -> list[list[dict[str, Any]]]:
        """The scales that count here, each once: its levels with their drawings."""
        scales: list[list[dict[str, Any]]] = []
        for column in self.columns:
            levels = column.outcome["levels"]
            shown = [
                {name: level[name] for name in ("description", "points", "mastery")}
                | {"mark": self.marks[shape(n, levels), level["color"]]}
                for n, level in enumerate(levels)
            ]
            if shown and shown not in scales:
                scales.append(shown)
        return scales

    def cell(self, student: Student, column: Column) -> Cell | None:
        """None: not assessed."""
        row = self.found.cells.get((student.key, column.id))
        if row is None or row["score"] is None:
            return None
        levels = column.outcome["levels"]
        place = place_of(float(row["score"]), levels)
        drawing = shape(place, levels), None if place is None else levels[place]["color"]
        step = self.comparison.step(student.key, column.id) if self.comparison else None
        return Cell(row["score"], row["rating"], self.marks[drawing], step, self.rating_before(student, column))

    def rating_before(self, student: Student, column: Column) -> str | None:
        """The level at the other moment, where it is another one."""
        change = self.comparison.changes.get((student.key, column.id)) if self.comparison else None
        if change is None or change["rating_before"] == change["rating"]:
            return None
        before: str | None = change["rating_before"]
        return before
