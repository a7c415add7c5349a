"""What changed in a course's gradebook between two moments: whose score rose or fell, and whether it was judged otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from consumer.query import scale as read_scale
from consumer.query.gradebook import Gradebook
from consumer.query.retired import refuse_retired
from consumer.query.scale import Setting
from consumer.query.sql import sql
from consumer.store.postgres import Connection

Row = Mapping[str, Any]
_SCALE, _METHOD = ("mastery_points", "points_possible"), ("calculation_method", "calculation_int")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A gradebook beside an earlier moment."""

    since: datetime
    changes: Mapping[tuple[str, int], Row]
    """(student, outcome) -> before and after; who is missing has not changed."""
    setting_before: Setting
    one_scale: bool
    """Whether one scale and method judge both moments."""

    def step(self, student: str, outcome: int) -> Decimal | None:
        """By how much a score rose (or fell, below 0); None without a score at both moments, or where it is the same."""
        row = self.changes.get((student, outcome))
        if row is None or row["score"] is None or row["score_before"] is None:
            return None
        return (row["score"] - row["score_before"]) or None

    def counts(self, found: Gradebook, outcome: int) -> dict[str, int]:
        """How many of the students rose, fell, are new (without a score before), and gone (without one now)."""
        counted = dict.fromkeys(("rose", "fell", "new", "gone"), 0)
        for student in found.students:
            step = self.step(student.key, outcome)
            row = self.changes.get((student.key, outcome))
            if step is not None:
                counted["rose" if step > 0 else "fell"] += 1
            elif row is not None and (row["score_before"] is None or row["score"] is None):
                counted["new" if row["score_before"] is None else "gone"] += 1
        return counted

    def marks(self, found: Gradebook, outcome: int) -> list[str]:
        """What judged otherwise before: the scale, the method. Known of outcomes with a score at both moments."""
        rows = [row for (_, id_), row in self.changes.items() if id_ == outcome and row["score_before"] is not None]
        rows = [row for row in rows if row["score"] is not None]
        levels = [None if one.scale is None else one.scale["levels"] for one in (self.setting_before, found.setting)]
        of_scale = not self.one_scale and levels[0] != levels[1]
        of_scale = of_scale or any(row[f"{name}_before"] != row[name] for row in rows for name in _SCALE)
        of_method = any(row[f"{name}_before"] != row[name] for row in rows for name in _METHOD)
        return [word for word, applies in (("scale", of_scale), ("method", of_method)) if applies]


async def compared(connection: Connection, found: Gradebook, since: datetime, one_scale_at: datetime | None) -> Comparison:
    """Reads it. `one_scale_at`: whose scale and method judge both moments; None: each its own. Raises `UsageError`."""
    await refuse_retired(connection, since, None)
    asked = found.root_account_uuid, found.course
    rows = await connection.fetch(sql("mastery_change"), *asked, since, found.at, one_scale_at)
    before = await read_scale.setting(connection, found.root_account_uuid, ("Course", found.course), since)
    changes = {(row["user_uuid"], row["learning_outcome_id"]): dict(row) for row in rows}
    return Comparison(since, changes, before, one_scale_at is not None)
