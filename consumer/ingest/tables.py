"""Which body becomes a row of which table.

Names of columns are the members' own names, with two exceptions. A body's own id is `id`; where Canvas sends ids as global ones
(accounts, courses) the row holds local ids and keeps its own global one in `global_id`. And the `root_account_uuid` in the body
of an account is `body_root_account_uuid`, because `root_account_uuid` is the tenant everywhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from schemas.base import Body
from schemas.events import EVENTS
from schemas.learning_outcome import LearningOutcome, LearningOutcomeGroup, LearningOutcomeLink, OutcomeFriendlyDescription
from schemas.learning_outcome_result import LearningOutcomeResult, RubricAssessment
from schemas.outcome_proficiency import OutcomeCalculationMethod, OutcomeProficiency
from schemas.tenancy import Account, Course

SHARD = 10_000_000_000_000
"""A global id is shard x 10^13 + local id (Canvas, `data_service_canvas_event_metadata.md`)."""


@dataclass(frozen=True, slots=True)
class Table:
    """A current table; its versions are in `<name>_version`."""

    name: str
    model: type[Body]
    id_member: str
    members: tuple[str, ...]
    """The body's columns in the order of the rows, without `id`."""
    json: frozenset[str]
    """Members that are jsonb."""
    global_ids: frozenset[str]
    """Members that Canvas sends as global ids and that the row holds as local ones."""
    validate: Callable[[dict[str, Any]], Body]
    """The model's validator, without the wrapper around it: this is called for every event."""
    read: Callable[[dict[str, Any]], tuple[Any, ...]]
    """Reads `members` off a body's `__dict__`, `global_id` and the reductions left to the caller."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the current table, in the order of the rows."""
        return ("root_account_uuid", "id", *self.members, "extra", "event_name", "event_time", "version_hash")

    @property
    def version_columns(self) -> tuple[str, ...]:
        """All columns of the version table but `recorded_at`, which the database sets."""
        return (*self.columns, "source", "partition", "position", "metadata")


def _table(
    name: str, model: type[Body], id_member: str, *, json: tuple[str, ...] = (), global_ids: tuple[str, ...] = ()
) -> Table:
    fields = tuple(member for member in model.model_fields if member != id_member)
    named = tuple("body_root_account_uuid" if member == "root_account_uuid" else member for member in fields)
    members = ("global_id", *named) if global_ids else named
    return Table(
        name,
        model,
        id_member,
        members,
        frozenset(json),
        frozenset(global_ids),
        model.__pydantic_validator__.validate_python,
        itemgetter(*fields),
    )


TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            _table("account", Account, "account_id", global_ids=("parent_account_id", "root_account_id")),
            _table("course", Course, "course_id", global_ids=("account_id",)),
            _table("learning_outcome", LearningOutcome, "learning_outcome_id", json=("rubric_criterion",)),
            _table("learning_outcome_group", LearningOutcomeGroup, "learning_outcome_group_id"),
            _table("learning_outcome_link", LearningOutcomeLink, "learning_outcome_link_id"),
            _table("learning_outcome_result", LearningOutcomeResult, "id"),
            _table("outcome_calculation_method", OutcomeCalculationMethod, "outcome_calculation_method_id"),
            _table("outcome_friendly_description", OutcomeFriendlyDescription, "outcome_friendly_description_id"),
            _table("outcome_proficiency", OutcomeProficiency, "outcome_proficiency_id", json=("outcome_proficiency_ratings",)),
            _table("rubric_assessment", RubricAssessment, "id"),
        )
    }
)
"""Table name -> table, by name: the order in which every transaction writes them."""

_OF_MODEL = {table.model: table for table in TABLES.values()}

TABLE_OF_EVENT: Mapping[str, Table] = MappingProxyType({name: _OF_MODEL[model] for name, model in EVENTS.items()})
"""Event name -> table."""
