"""The columns of a model's table: their names, types, and what they mean."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from schemas.base import Body, GlobalId, PersonText, Unstored


@dataclass(frozen=True, slots=True)
class Column:
    """One member of a body, as a column."""

    member: str
    """Its name in the body."""
    name: str
    """Its name in the table."""
    type: str
    """Of Postgres."""
    required: bool
    global_id: bool
    """Canvas sends a global id; the column holds the local one."""
    meaning: str
    """From the member's docstring."""

    @property
    def is_json(self) -> bool:
        """Whether it holds something nested."""
        return self.type == "jsonb"


def columns_of(model: type[Body]) -> tuple[Column, ...]:
    """All columns of a kind's own, in the order of the table; the object's id comes first.

    A body's own id is `id`. `root_account_uuid` in a body is `body_root_account_uuid`, because that name is the tenant's.
    """
    id_member = id_of(model)
    hints = get_type_hints(model, include_extras=True)
    stored = (name for name in model.model_fields if name not in names_of(model) | unstored_of(model))
    members = [id_member, *(name for name in stored if name != id_member)]
    return tuple(_column(model, member, hints[member], _NAMES.get(member, member)) for member in members)


_NAMES = {"root_account_uuid": "body_root_account_uuid"}


def id_of(model: type[Body]) -> str:
    """The member with the object's id: the first that the model declares."""
    declaring = next(parent for parent in model.__mro__ if "kind" in vars(parent))
    return next(iter(declaring.__annotations__))


def names_of(model: type[Body]) -> frozenset[str]:
    """The members that are names, logins or SIS ids of a person: for `person_name` alone."""
    return _members_of(model, get_args(PersonText)[1])


def unstored_of(model: type[Body]) -> frozenset[str]:
    """The members that are known and never stored."""
    return _members_of(model, get_args(Unstored)[1])


@cache
def _members_of(model: type[Body], type_: type) -> frozenset[str]:
    hints = get_type_hints(model, include_extras=True)
    return frozenset(name for name in model.model_fields if type_ in _types(hints[name]))


def _column(model: type[Body], member: str, hint: Any, name: str) -> Column:
    field = model.model_fields[member]
    types = list(_types(hint))
    global_id = get_args(GlobalId)[1] in types
    meaning = " ".join((field.description or "").replace("`", "").split())
    return Column(
        member,
        "id" if member == id_of(model) else name,
        next((kind.column for kind in types if hasattr(kind, "column")), "jsonb"),
        field.is_required(),
        global_id,
        meaning.replace("Global id", "Local id", 1) if global_id else meaning,
    )


def _types(hint: Any) -> Iterator[Any]:
    """The types of `schemas.base` in a hint; none in that of something nested."""
    if get_origin(hint) is Annotated:
        yield from get_args(hint)[1:]
    elif get_origin(hint) is not list:
        for part in get_args(hint):
            yield from _types(part)
