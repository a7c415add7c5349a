"""What a backfill found and did."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from consumer.canvas.examining.examined import Counts
from consumer.ingest.batch import Books


@dataclass(frozen=True, slots=True)
class Progress:
    """For a progress bar."""

    label: str
    """The scope: `account:1`."""
    done: int
    steps: int | None
    """None until the tree is known."""
    objects: int
    """That Canvas showed, in all scopes so far."""


@dataclass(slots=True)
class ScopeReport:
    """One scope."""

    scope: str
    tenant: str
    steps: int = 0
    done: int = 0
    """Complete steps, in this run or in the one that it resumes."""
    resumed_from: datetime | None = None
    """When the backfill began that this one resumes."""
    finished: bool = False
    """Whether all steps are complete."""


@dataclass(slots=True)
class Report:
    """All scopes."""

    source: str = ""
    books: Books = field(default_factory=Books)
    seconds: float = 0.0
    requests: int = 0
    """Sent to Canvas, answered or not; each page is one."""
    runs: list[ScopeReport] = field(default_factory=list)
    tables: dict[str, Counts] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """Sentences about objects that Canvas could not save itself; not stored."""
    troubles: list[str] = field(default_factory=list)
    """Sentences about what failed."""
    remarks: list[str] = field(default_factory=list)
    """Sentences for an operator, without a failure."""

    @property
    def finished(self) -> bool:
        """Whether Canvas answered everything."""
        return bool(self.runs) and all(run.finished for run in self.runs)

    def add_trouble(self, sentence: str) -> None:
        """Each sentence once."""
        if sentence not in self.troubles:
            self.troubles.append(sentence)

    def add_counts(self, tables: dict[str, Counts]) -> None:
        """A scope's."""
        for name, counts in tables.items():
            self.tables[name] = self.tables.get(name, Counts()) + counts

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "source": self.source,
            "finished": self.finished,
            **self.books.as_json(),
            "seconds": round(self.seconds, 3),
            "requests": self.requests,
            "tables": {name: counts.as_json() for name, counts in sorted(self.tables.items())},
            "runs": [asdict(run) for run in self.runs],
            "refused": self.refused,
            "troubles": self.troubles,
            "remarks": self.remarks,
        }
