"""Why one student's score for one outcome is what it is: the results, the formula with numbers, the scale, the level.

The score comes from SQL. The formula is written here for people, and tried: what is written evaluates to that score.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from consumer.errors import UsageError
from consumer.printable import isolated, printable
from consumer.query import scale as read_scale
from consumer.query.gradebook import outcomes_of
from consumer.query.gradebook_view import title_of
from consumer.query.objects import id_here, outcome_id, tenant_of
from consumer.query.people import PeopleOf, people_of
from consumer.query.retired import refuse_retired
from consumer.query.scale import SWATCH, Setting, as_of, method_text, moment, name_of, number, style_of
from consumer.query.sql import sql
from consumer.query.students import Student, assessed_titles, standing_of, student_called
from consumer.store.postgres import Connection

_CENTLESS = 2.0**59
"""From this size on scores are not rounded."""
_READABLE = 4
"""Decimals of the numbers in a formula, unless the score needs all of them."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rollup:
    """One rollup at a moment, with all that went into it."""

    root_account_uuid: str
    course: int | None
    student: Student
    outcome: Row
    at: datetime | None
    known_at: datetime | None
    setting: Setting
    results: tuple[Row, ...]
    """In the order in which they count."""
    score: Decimal | None
    level: Row | None
    """mastery, rating and color of the score."""
    standing: str | None
    """What is to be said of the student in the course, if anything is."""

    @property
    def formula(self) -> str | None:
        """With numbers; None without a score."""
        if self.score is None:
            return None
        method, number_ = self.outcome["calculation_method"], self.outcome["calculation_int"]
        return written(method, number_, [row["value"] for row in self.results], self.outcome["mastery_points"], self.score)

    @property
    def reached(self) -> Row | None:
        """The level of the scale that the score is on; None without one, and below the lowest."""
        score = float("-inf") if self.score is None else float(self.score)
        return next((level for level in self.outcome["levels"] if level["points"] <= score), None)

    def as_json(self) -> Row:
        """For machines."""
        outcome, level = self.outcome, self.level or {}
        rule = ("learning_outcome_id", "title", "display_name", "outcome_path", "calculation_method", "calculation_int")
        return {
            "root_account_uuid": self.root_account_uuid,
            "course": self.course,
            "user_uuid": self.student.key,
            "student": self.student.as_json(),
            "note": self.standing,
            "at": self.at,
            "known_at": self.known_at,
            **{name: outcome[name] for name in (*rule, "points_possible", "mastery_points")},
            "score": None if self.score is None else float(self.score),
            **{name: level.get(name) for name in ("mastery", "rating", "color")},
            "formula": self.formula,
            "why": why(self),
            "results": list(self.results),
            "account_level": self.setting.account_level,
            "scale": self.setting.scale,
            "method": self.setting.method,
        }


async def rollup(
    connection: Connection,
    course: int | None,
    student: str,
    outcome: int,
    tenant: str | None,
    at: datetime | None,
    known_at: datetime | None = None,
) -> Rollup:
    """Reads that of the tenant that was named. Raises `UsageError`."""
    root_account_uuid = await tenant_of(connection, tenant)
    course = None if course is None else await id_here(connection, root_account_uuid, "course", course)
    outcome = await outcome_id(connection, root_account_uuid, outcome)
    return await rollup_of(connection, root_account_uuid, course, student, outcome, at, known_at)


async def rollup_of(
    connection: Connection,
    root_account_uuid: str,
    course: int | None,
    student: str,
    outcome: int,
    at: datetime | None,
    known_at: datetime | None = None,
    people: PeopleOf = people_of,
) -> Rollup:
    """Reads it in one snapshot, of a student as `student_called` takes it. Raises `UsageError` where no result was told."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await refuse_retired(connection, at, known_at)
        called = await student_called(connection, root_account_uuid, course, student, people)
        asked = (root_account_uuid, course, called.key, outcome)
        reason, standing = await standing_of(connection, root_account_uuid, course, called, student)
        if not await connection.fetchval(sql("rollup_known"), *asked):
            where = name_of("Course", course)
            raise UsageError(
                f"no result of student {student} for outcome {outcome} in {where} is known of {root_account_uuid}: {reason}"
            )
        setting = await read_scale.setting(connection, root_account_uuid, ("Course", course), at, known_at)
        outcomes = await outcomes_of(connection, root_account_uuid, course, at, known_at, outcome)
        results = await connection.fetch(sql("rollup_results"), *asked, at, known_at)
        found = await connection.fetchrow(sql("rollup_score"), *asked, at, known_at)
        titles = await assessed_titles(connection, root_account_uuid, [row["id"] for row in results])
    return Rollup(
        root_account_uuid,
        course,
        called,
        outcomes[0] if outcomes else _UNKNOWN | {"learning_outcome_id": outcome},
        at,
        known_at,
        setting,
        tuple(dict(row) | {"assessed": titles.get(row["id"])} for row in results),
        found["score"] if found else None,
        dict(found) if found else None,
        standing,
    )


_UNKNOWN: Row = dict.fromkeys(
    (
        "title",
        "display_name",
        "outcome_path",
        "hidden",
        "calculation_method",
        "calculation_int",
        "points_possible",
        "mastery_points",
    )
) | {"levels": []}
"""An outcome that no result was of at that moment."""


def written(
    method: str, calculation_int: int | None, values: Sequence[float], mastery_points: float | None, score: Decimal
) -> str:
    """The formula with numbers, what it comes to, and that rounded: `(0.8 + 2.4 + 3.2) / 3 = 2.1333 -> 2.13`.

    With short numbers where they lead to the score, else with all digits of the doubles that the database computes with.
    """
    text, value = _formula(method, calculation_int, values, mastery_points, _READABLE)
    if rounded(value) != score:
        text, value = _formula(method, calculation_int, values, mastery_points, None)
    shown = next((one for places in range(_READABLE, 18) if rounded(float(one := _short(value, places))) == score), repr(value))
    steps = [text, *([shown] if shown != text else [])]
    return " = ".join(steps) + (f" -> {score:.2f}" if _short(float(score), 2) != shown else "")


def _formula(
    method: str, calculation_int: int | None, values: Sequence[float], mastery_points: float | None, places: int | None
) -> tuple[str, float]:
    """A formula, and what `rollup_score` would make of the numbers in it as they are written."""
    if method == "n_mastery":
        values = [value for value in values if mastery_points is not None and value >= mastery_points]
    texts = [_short(value, places) for value in values]
    seen = [float(text) for text in texts]
    if len(seen) == 1:
        return texts[0], seen[0]
    percent = calculation_int or 0
    new, old = _short(0.01 * percent, places), _short(0.01 * (100 - percent), places)
    match method:
        case "highest":
            return f"max({', '.join(texts)})", max(seen)
        case "latest":
            return texts[-1], seen[-1]
        case "decaying_average" | "weighted_average":
            mean, value = _mean(texts[:-1], seen[:-1])
            mean = f"({mean})" if len(texts) > 2 else mean
            return f"{new} × {texts[-1]} + {old} × {mean}", seen[-1] * float(new) + value * float(old)
        case "standard_decaying_average":
            text, value = texts[0], seen[0]
            for index in range(1, len(seen)):
                text = f"{old} × {f'({text})' if index > 1 else text} + {new} × {texts[index]}"
                value = value * float(old) + seen[index] * float(new)
            return text, value
        case _:
            return _mean(texts, seen)


def _mean(texts: Sequence[str], values: Sequence[float]) -> tuple[str, float]:
    """Added up as Ruby's Array#sum does: with what each addition rounded away."""
    total = lost = 0.0
    for value in values:
        after = total + value
        lost += (total - after) + value if abs(total) >= abs(value) else (value - after) + total
        total = after
    return (texts[0] if len(texts) == 1 else f"({' + '.join(texts)}) / {len(texts)}"), (total + lost) / len(values)


def _short(value: float, places: int | None) -> str:
    """With so many decimals at most; without limit (and where it is huge) as short as it is exact."""
    if places is None or abs(value) >= 1e12:
        return repr(value).removesuffix(".0")
    return f"{value:.{places}f}".rstrip("0").rstrip(".")


def rounded(value: float) -> Decimal:
    """To 2 decimals as `rollup_score` and Ruby's Float#round do: halves go away from zero.

    The comparison corrects a product with 100 that rounding left below its half.
    """
    size = abs(value)
    if size < _CENTLESS:
        cents = float(math.floor(size * 100))
        cents += size * 100 - cents >= 0.5
        size = (cents + ((cents + 0.5) / 100 <= size)) / 100
    return Decimal(repr(math.copysign(size, value)))


def why(found: Rollup) -> str | None:
    """The sentence that numbers do not tell: which results count for n_mastery, or why there is no score."""
    outcome, values = found.outcome, [row["value"] for row in found.results]
    method, least = outcome["calculation_method"], outcome["calculation_int"]
    if outcome["hidden"] == "deleted":
        return "No score: the outcome is deleted."
    if outcome["hidden"] == "unlinked":
        return "No score: all its known links in this course are deleted."
    if not values:
        return "No score: no active result with a score is known at that moment."
    if None in values:
        return "No score: a result has a percentage, and what full points are is not known of this outcome."
    if method == "n_mastery":
        needed, points = f"{least} needed", outcome["mastery_points"]
        if points is None:
            return f"No score: from which points mastery counts is not known; {needed}."
        count = sum(value >= points for value in values)
        counted = f"{count} of {len(values)} results reach {number(points)} points, {needed}"
        return f"No score: {counted}." if found.score is None else f"{counted}: their mean counts."
    if found.score is None:
        return f"No score: the method {method_text(method, least)}."
    return None


def render(found: Rollup) -> RenderableType:
    """For people."""
    where = f"{found.setting.context} of {printable(found.root_account_uuid)}{as_of(found.at, found.known_at)}"
    parts: list[RenderableType] = [
        title_of(found.outcome),
        Text(f"{found.student.named}, {where}"),
        *([Text(printable(found.standing))] if found.standing else []),
        Text(),
        Text("results, in the order in which they count", style="bold"),
    ]
    for row in found.results:
        parts += [
            Text(f"{_result(row)}, worked at {moment(row['worked_at']) if row['worked_at'] else 'an unknown time'}"),
            Padding.indent(Text(counted(row, found.outcome)), 2),
        ]
    if not found.results:
        parts.append(Text("none"))
    outcome = found.outcome
    if outcome["calculation_method"] is not None:
        method = f"{found.setting.owner_of_method()}, {method_text(outcome['calculation_method'], outcome['calculation_int'])}"
        parts += [Text(), Text("method: ", style="bold").append(method, style="not bold")]
    if sentence := why(found):
        parts.append(Text(sentence))
    if formula := found.formula:
        parts.append(Text("score: ", style="bold").append(formula, style="not bold"))
    mastery = f"mastery from {number(outcome['mastery_points'])} of {number(outcome['points_possible'])}"
    parts += [Text(), Text("scale: ", style="bold").append(f"{found.setting.owner_of_scale()}, {mastery}", style="not bold")]
    for level in outcome["levels"]:
        here = level is found.reached
        line = Text("-> " if here else "   ").append(SWATCH, style=style_of(level["color"]))
        line.append(f" {number(level['points'])} {printable(level['description'] or '')}{'*' if level['mastery'] else ''}")
        parts.append(line)
    if found.level is not None:
        rating = printable(found.level["rating"] or "below the lowest level")
        told = {True: "mastery", False: "no mastery", None: "from where on it is mastery is not known"}[found.level["mastery"]]
        parts += [Text(), Text("level: ", "bold").append(f"{rating}, {told}", f"bold {style_of(found.level['color'])}")]
    return Group(*parts)


def _result(row: Row) -> str:
    return f"result {row['id']}" + (f": {isolated(printable(row['assessed']))}" if row["assessed"] else "")


def counted(row: Row, outcome: Row) -> str:
    """What was told of a result, what of it counts, and the value that it comes to."""
    told = f"{number(row['score'])} / {number(row['possible'])}"
    if row["percent"] is not None:
        told += f", {_percent(row['percent'])}"
    percent = row["percent"]
    if row["merged_percent"] is not None:
        percent = row["merged_percent"]
        quiz = f"quiz {row['quiz_id']}" if row["quiz_id"] > 0 else f"quiz of assignment {-row['quiz_id']}"
        told += f", {quiz} as a whole {_percent(percent)}"
    if percent is None:
        return f"{told}; no percentage, so the score counts -> {_short(row['value'], _READABLE)}"
    unit = outcome["points_possible"]
    if unit is not None and unit <= 0:
        unit = outcome["mastery_points"]
    value = "?" if row["value"] is None else _short(row["value"], _READABLE)
    return f"{told} × {number(unit)} -> {value}"


def _percent(share: float) -> str:
    return f"{number(round(share * 100, 4))} %"
