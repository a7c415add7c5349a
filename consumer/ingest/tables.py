"""Which event becomes a row of which table.

Columns have the names of the members, with two exceptions. The object's id is `id`; if Canvas sends global ids (accounts,
courses), the row has local ids, and its own global id in `global_id`; ids of another shard than the root account's stay
global. The `root_account_uuid` in an account's body is `body_root_account_uuid`, because `root_account_uuid` is the tenant in
every table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NotRequired, get_type_hints

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from schemas.base import Body, StatefulBody
from schemas.columns import columns_of, names_of, unstored_of
from schemas.events import EVENTS, MODELS
from schemas.snapshots import SNAPSHOTS

CANVAS = "canvas:"
"""Prefix of the source of snapshots, before the host. No topic can have such a name."""


GLOBAL_ID = "global_id"
"""The column with an object's own global id."""

_USER_UUIDS = {
    "canvas_user": frozenset({"uuid"}),
    "enrollment": frozenset({"user_uuid"}),
    "learning_outcome_result": frozenset({"user_uuid"}),
}


@dataclass(frozen=True, slots=True)
class Table:
    """A current table; its versions are in `<name>_version`."""

    name: str
    model: type[Body]
    id_member: str
    members: tuple[str, ...]
    """Columns of the body in the order of the rows, without `id`."""
    json: frozenset[str]
    """Members that are jsonb."""
    global_ids: frozenset[str]
    """Members that Canvas sends as global ids, the object's own too; the row has local ids of the root account's shard."""
    user_uuids: frozenset[str]
    """Members that say whose something is; a blank one says nothing."""
    fields: tuple[str, ...]
    """The model's members in the order of `members`, by their names in the body, without `global_id`."""
    dropped: frozenset[str]
    """Members of the model without a column; they tell no version from another."""
    stateful: bool
    """Whether an absent `workflow_state` is `active`."""
    snapshot: bool
    """Whether it comes from REST. Then an id without a shard is local, and the global id is unknown."""
    validate: Callable[[dict[str, Any]], dict[str, Any]]
    """A body without nulls -> its known members by name. Raises pydantic's `ValidationError`."""

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
        """All columns of the stage."""
        return (*self.version_columns, "newest")


def _table(name: str, model: type[Body]) -> Table:
    id_column, *columns = columns_of(model)
    names = tuple(column.name for column in columns)
    json = frozenset(column.member for column in columns if column.is_json)
    return Table(
        name,
        model,
        id_column.member,
        (GLOBAL_ID, *names) if id_column.global_id else names,
        json,
        frozenset(column.member for column in (id_column, *columns) if column.global_id),
        _USER_UUIDS.get(name, frozenset()),
        tuple(column.member for column in columns),
        names_of(model) | unstored_of(model),
        issubclass(model, StatefulBody),
        False,
        _validator(model, json),
    )


def _validator(model: type[Body], nested: frozenset[str]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The result has its members sorted by name, as in the canonical form.

    Flat models are validated as a dictionary: creating a model object takes as long as parsing its JSON.
    """
    names = sorted(model.model_fields.keys() - names_of(model) - unstored_of(model))
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
"""Table name -> table. Sorted by name: every transaction writes in this order."""

_OF_MODEL = {table.model: table for table in TABLES.values()}

TABLE_OF_EVENT: Mapping[str, Table] = MappingProxyType({name: _OF_MODEL[model] for name, model in EVENTS.items()})
"""Event name -> table."""


def _snapshot(name: str, model: type[Body]) -> Table:
    table = TABLES[name.removesuffix("_backfilled")]
    dropped = names_of(model) | unstored_of(model)
    return replace(table, model=model, dropped=dropped, snapshot=True, validate=_validator(model, table.json))


TABLE_OF_SNAPSHOT: Mapping[str, Table] = MappingProxyType({name: _snapshot(name, model) for name, model in SNAPSHOTS.items()})
"""Name of a snapshot -> table. Accepted only from sources that begin with `CANVAS`."""
