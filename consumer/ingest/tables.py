"""Which body becomes a row of which table.

Names of columns are the members' own names, with two exceptions. A body's own id is `id`; where Canvas sends ids as global ones
(accounts, courses) the row holds local ids and keeps its own global one in `global_id`. And the `root_account_uuid` in the body
of an account is `body_root_account_uuid`, because `root_account_uuid` is the tenant everywhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NotRequired, get_type_hints

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from schemas.base import Body, StatefulBody
from schemas.columns import columns_of
from schemas.events import EVENTS, MODELS
from schemas.snapshots import SNAPSHOTS

CANVAS = "canvas:"
"""What the source of snapshots begins with, before the host; no topic can be called so."""


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
    fields: tuple[str, ...]
    """The model's members in the order of `members`, under the body's own names and without `global_id`."""
    stateful: bool
    """Whether an absent `workflow_state` is `active`."""
    snapshot: bool
    """Whether it is told by REST: an id without a shard is then a local one, and the global one is unknown."""
    validate: Callable[[dict[str, Any]], dict[str, Any]]
    """The model's rules for a body without nulls: what is there and known, by name. Raises pydantic's `ValidationError`."""

    @property
    def by_year(self) -> bool:
        """Whether its versions are partitioned by the year of `event_time`."""
        return self.model.by_year

    @property
    def private(self) -> bool:
        """Whether a row is about a person. `extra` is then null: a trigger of both tables moves unknown members away."""
        return self.model.private

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the current table, in the order of the rows."""
        return ("root_account_uuid", "id", *self.members, "extra", "event_name", "event_time", "version_hash")

    @property
    def version_columns(self) -> tuple[str, ...]:
        """All columns of the version table but `recorded_at`, which the database sets."""
        return (*self.columns, "source", "partition", "position", "metadata")

    @property
    def stage_columns(self) -> tuple[str, ...]:
        """All columns of the stage: a version, and whether it is the newest of its object in the batch."""
        return (*self.version_columns, "newest")


def _table(name: str, model: type[Body]) -> Table:
    id_column, *columns = columns_of(model)
    names = tuple(column.name for column in columns)
    json = frozenset(column.member for column in columns if column.is_json)
    return Table(
        name,
        model,
        id_column.member,
        ("global_id", *names) if id_column.global_id else names,
        json,
        frozenset(column.member for column in columns if column.global_id),
        tuple(column.member for column in columns),
        issubclass(model, StatefulBody),
        False,
        _validator(model, json),
    )


def _validator(model: type[Body], nested: frozenset[str]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Members come in the order of their names, as the canonical form has them.

    The fields of a flat model are read as a dictionary: to make a model object of a result takes as long as to parse its JSON.
    """
    names = sorted(model.model_fields)
    if nested:
        validate = model.__pydantic_validator__.validate_python

        def members(body: dict[str, Any]) -> dict[str, Any]:
            found = validate(body).__dict__
            return {name: found[name] for name in names if found[name] is not None}

        return members
    hints = get_type_hints(model, include_extras=True)
    fields = {name: hints[name] if model.model_fields[name].is_required() else NotRequired[hints[name]] for name in names}
    return TypeAdapter(TypedDict(model.__name__, fields)).validator.validate_python  # type: ignore[operator]  # names of run time


TABLES: Mapping[str, Table] = MappingProxyType({name: _table(name, model) for name, model in MODELS.items()})
"""Table name -> table, sorted: the order in which every transaction writes them."""

_OF_MODEL = {table.model: table for table in TABLES.values()}

TABLE_OF_EVENT: Mapping[str, Table] = MappingProxyType({name: _OF_MODEL[model] for name, model in EVENTS.items()})
"""Event name -> table."""


def _snapshot(name: str, model: type[Body]) -> Table:
    table = TABLES[name.removesuffix("_backfilled")]
    return replace(table, model=model, snapshot=True, validate=_validator(model, table.json))


TABLE_OF_SNAPSHOT: Mapping[str, Table] = MappingProxyType({name: _snapshot(name, model) for name, model in SNAPSHOTS.items()})
"""The same for what REST told: understood only of records whose source begins with `CANVAS`."""
