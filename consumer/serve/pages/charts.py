"""Where the points of drawings are. Pure; templates write them as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consumer.query.timeline import Change

WIDTH, HEIGHT = 100.0, 40.0
"""Of a trend, in units of its own."""
_EDGE = 3.0
_STILL = 0.15
"""How much of the time drawn may lie behind the newest change, of that before it."""
_RULES = {"outcome_proficiency", "outcome_calculation_method"}


@dataclass(frozen=True, slots=True)
class Trend:
    """A score over time, as a share of the points possible then: scales can change their points."""

    line: str
    """Of an SVG path; steps, because a score stays what it is until it changes."""
    dots: Sequence[Mapping[str, Any]]
    marks: Sequence[float]
    """Where the scale or the method changed."""


def trend(changes: Sequence[Change], until: datetime) -> Trend | None:
    """None without a score."""
    told = [one for one in changes if one.at <= until]
    if not told or all(one.state["score"] is None for one in told):
        return None
    begin, newest = told[0].at, told[-1].at
    until = min(until, newest + (newest - begin) * _STILL)
    seconds = (until - begin).total_seconds() or 1.0
    line, dots, marks = "", [], []
    before: dict[str, Any] | None = None
    for change, following in zip(told, [*told[1:], None], strict=True):
        state = change.state
        x = _x(change.at, begin, seconds)
        if any(by["table"] in _RULES for by in change.caused_by) and change is not told[0]:
            marks.append(round(x, 1))
        if state["score"] is None:
            before = None
            continue
        y = _y(state)
        line += (
            f"{'M' if before is None else 'L'}{x:.1f} {y:.1f}H{_x(following.at if following else until, begin, seconds):.1f}"
        )
        dots.append({"x": round(x, 1), "y": round(y, 1), "color": state["color"], "score": state["score"], "at": change.at})
        before = state
    return Trend(line, dots, marks)


def _x(at: datetime, begin: datetime, seconds: float) -> float:
    return _EDGE + (WIDTH - 2 * _EDGE) * (at - begin).total_seconds() / seconds


def _y(state: Mapping[str, Any]) -> float:
    possible = state["points_possible"] or state["mastery_points"] or state["score"] or 1.0
    share = min(max(float(state["score"]) / float(possible), 0.0), 1.0)
    return _EDGE + (HEIGHT - 2 * _EDGE) * (1 - share)
