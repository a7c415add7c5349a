"""An institution's own Canvas: every state that its objects ever had, also those that no event told."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from schemas.base import local_id

STUDENTS = ("StudentEnrollment", "StudentViewEnrollment")
"""Types of enrolments that have a row in the gradebook; the second is the test student's."""
Row = dict[str, Any]
"""A body as Canvas posts it, and members that only REST shows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A state of an object."""

    time: datetime
    """From when on; `event_time` where an event told it."""
    row: Row
    event: str | None
    """Name of the event that told it; None: Canvas changed it without one."""


@dataclass(slots=True)
class Books:
    """Canvas' tables with their past. Ids are local."""

    entries: dict[tuple[str, str, int], list[Entry]] = field(default_factory=lambda: defaultdict(list))
    """By tenant, kind and id."""

    def save(self, tenant: str, kind: str, id_: int, entry: Entry) -> None:
        """Records a state. The newest by its time holds, whatever the order of saving."""
        self.entries[tenant, kind, id_].append(entry)

    def newest(self, tenant: str, kind: str, at: datetime) -> dict[int, Entry]:
        """Id -> its state at that moment."""
        found: dict[int, Entry] = {}
        for (owner, one, id_), states in self.entries.items():
            if (owner, one) == (tenant, kind) and (past := [state for state in states if state.time <= at]):
                found[id_] = max(past, key=lambda state: state.time)
        return found

    def rows(self, tenant: str, kind: str, at: datetime) -> Iterator[tuple[int, Row]]:
        """Ids and states at that moment of all that is not deleted."""
        for id_, entry in self.newest(tenant, kind, at).items():
            if entry.row.get("workflow_state") != "deleted":
                yield id_, entry.row

    def gradebook(self, tenant: str, course: int, at: datetime) -> dict[int, list[int]]:
        """User id -> ids of the results that count, for every user with a row. Canvas finds results by user id, not by uuid."""
        users = {
            local_id(int(row["user_id"]))
            for _, row in self.rows(tenant, "enrollment", at)
            if row["type"] in STUDENTS and local_id(int(row["course_id"])) == course
        }
        found: dict[int, list[int]] = {user: [] for user in sorted(users)}
        for id_, row in self.rows(tenant, "learning_outcome_result", at):
            if int(row["result_context_id"]) == course and row["user_id"] in found:
                found[row["user_id"]].append(id_)
        return found
