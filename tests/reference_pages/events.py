"""The events, from the models of their bodies and the examples in their JSON Schemas."""

import json
from collections.abc import Iterator
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from consumer.ingest.tables import TABLE_OF_EVENT
from schemas import publish
from schemas.base import MAX_KEY_TEXT, Flag, GlobalId, Id, Integer, KeyText, Number, PersonText, Text, Time, Unstored
from schemas.events import BODIES
from tests.reference_pages.markdown import block, code, escaped, table

_WORDS = {
    **{get_args(kind)[1]: word for kind, word in ((Id, "id"), (GlobalId, "global id"), (Time, "time"), (Number, "number"))},
    **{get_args(kind)[1]: word for kind, word in ((Integer, "whole number"), (Text, "text"), (Flag, "true or false"))},
    get_args(PersonText)[1]: "text, for `person_name` alone",
    get_args(Unstored)[1]: "anything, not stored",
    get_args(KeyText)[1]: f"text of at most {MAX_KEY_TEXT} characters",
    str: "text",
    int: "whole number",
    bool: "true or false",
}
"""The types of `schemas.base`, by what is in their annotation, and those of Python."""


def _kinds(hint: Any) -> list[Any]:
    """The types that a member may have, without null."""
    if get_origin(hint) is Annotated:
        return [mark for mark in get_args(hint)[1:] if isinstance(mark, type)] or _kinds(get_args(hint)[0])
    if get_origin(hint) is list or isinstance(hint, type):
        return [] if hint is NoneType else [hint]
    return [kind for one in get_args(hint) for kind in _kinds(one)]


def _word(kind: Any) -> str:
    if get_origin(kind) is list:
        return "list of objects"
    return "object" if issubclass(kind, BaseModel) else _WORDS[kind]


def members(model: type[BaseModel], before: str = "") -> Iterator[list[str]]:
    """A row for each member, those of nested objects below it."""
    hints = get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        kinds = _kinds(hints[name])
        words = " or ".join(dict.fromkeys(map(_word, kinds)))
        needed = "yes" if field.is_required() else ""
        yield [code(f"{before}{name}"), words, needed, escaped(field.description or "")]
        for kind in kinds:
            inner = get_args(kind)[0] if get_origin(kind) is list else kind
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from members(inner, f"{before}{name}{'[]' if get_origin(kind) is list else ''}.")


def text() -> str:
    """A heading for each kind of event, with its members and a whole example of the last of its names."""
    kinds: dict[Any, list[str]] = {}
    for event_name, model in BODIES.items():
        kinds.setdefault(model, []).append(event_name)
    parts = []
    for model, event_names in kinds.items():
        stored = TABLE_OF_EVENT.get(event_names[0])
        where = f"Stored in [`{stored.name}`](tables.md#{stored.name})." if stored else "Counted, not stored."
        (example,) = publish.document(event_names[-1])["examples"]
        parts += [
            f"## {' and '.join(map(code, event_names))}\n",
            f"{escaped(model.__doc__ or '')} {where}\n",
            table(["member of the body", "type", "required", "meaning"], members(model)),
            block("json", json.dumps(example, indent=2, ensure_ascii=False)),
        ]
    return "\n".join(parts)
