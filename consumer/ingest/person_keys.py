"""Whom an event tells of: the keys of people in its row, and what hangs on them."""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Literal, NamedTuple

import orjson

from consumer.ingest.records import Accepted
from consumer.ingest.tables import TABLES
from schemas.base import SHARD, local_id

Kind = Literal["user", "uuid", "text", "enrollment", "submission", "rubric_assessment"]


class Key(NamedTuple):
    """What names a person, or a thing of one."""

    tenant: str
    kind: Kind
    value: str


BY_ID = "id:"
"""A result whose student REST knows by user id alone has this and the id as `user_uuid`."""

NAMES_PERSON: Mapping[str, Mapping[str, Kind]] = MappingProxyType(
    {
        "canvas_user": {"id": "user", "uuid": "uuid"},
        "enrollment": {"user_id": "user", "user_uuid": "uuid", "associated_user_id": "user"},
        "learning_outcome_result": {"user_uuid": "uuid"},
        "submission": {"user_id": "user"},
        "user_merge": {"id": "user", "merged_into_user_id": "user"},
    }
)
"""Table -> columns that name a person. An event that names a suppressed one in any of them is erased."""
PERSON_COLUMNS: Mapping[str, tuple[tuple[int, Kind], ...]] = MappingProxyType(
    {
        name: tuple((table.stage_columns.index(column), kind) for column, kind in NAMES_PERSON.get(name, {}).items())
        for name, table in TABLES.items()
    }
)
"""The same for every table, by the place in its rows."""
HANGING = frozenset({"enrollment_state", "rubric_assessment"})
"""Tables whose rows name nobody, and are of whoever has the enrolment or the submission."""
EXTRA, CONTEXT = -9, -2
"""Where every row has the values of unknown members, and the context of the request."""
OWN_PAGES = '"User"'
"""In the context of a request on a user's own pages."""

_ID = 1
_SAME_PERSON: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"canvas_user": ("id", "uuid"), "enrollment": ("user_id", "user_uuid")}
)
"""Tables whose events say that a user id and a uuid are one person's."""
_ARTIFACTS: Mapping[str, Kind] = MappingProxyType({"Submission": "submission", "RubricAssessment": "rubric_assessment"})
_ID_TEXT = re.compile(r"[0-9]{1,19}")
_TEXTS = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"\'\\,:;{}\[\]()<>=&?/|]+)')
_DEEPEST = 5
"""JSON in a text in JSON: what a program that carries events makes of one, and another of that."""
_USER_IDS = re.compile(r"""user_?ids?\\*["']?\s*[:=]\s*\\*["']?([0-9]{1,19})""", re.IGNORECASE)


class Secret(NamedTuple):
    """The key of an installation's digests under the two pads of HMAC: so a digest takes a third of the time."""

    inner: bytes
    outer: bytes


def digest_of(secret: Secret, tenant: str, kind: Kind, value: object) -> bytes:
    """HMAC-SHA-256, as the database computes it (`outcomes_internal.person_digest`)."""
    text = str(value)
    if kind == "uuid" and text.startswith(BY_ID):
        kind, text = "user", text.removeprefix(BY_ID)
    return sha256(secret.outer + sha256(secret.inner + f"{tenant}\x1f{kind}\x1f{text}".encode()).digest()).digest()


def _columns(one: Accepted, *names: str) -> Iterator[object]:
    return (one.row[one.table.stage_columns.index(name)] for name in names)


def same_person(one: Accepted) -> list[Key]:
    """The user id and the uuid that an event tells of one person."""
    columns = _SAME_PERSON.get(one.table.name, ())
    kinds: tuple[Kind, Kind] = ("user", "uuid")
    return [
        Key(one.key.root_account_uuid, kind, str(value))
        for kind, value in zip(kinds, _columns(one, *columns), strict=False)
        if value is not None
    ]


def things_of(one: Accepted) -> Iterator[Key]:
    """What is of the person whom an event names: its enrolment or submission, or what a result was made of."""
    tenant, name = one.key.root_account_uuid, one.table.name
    if name in ("enrollment", "submission"):
        yield Key(tenant, "enrollment" if name == "enrollment" else "submission", str(one.row[_ID]))
    elif name == "learning_outcome_result":
        type_, id_ = _columns(one, "artifact_type", "artifact_id")
        if id_ is not None and (kind := _ARTIFACTS.get(str(type_))) is not None:
            yield Key(tenant, kind, str(id_))


def hangs_on(one: Accepted) -> Iterator[Key]:
    """What a row of `HANGING` is erased with."""
    tenant, id_ = one.key.root_account_uuid, str(one.row[_ID])
    if one.table.name == "enrollment_state":
        yield Key(tenant, "enrollment", id_)
        return
    yield Key(tenant, "rubric_assessment", id_)
    type_, artifact = _columns(one, "artifact_type", "artifact_id")
    if type_ == "Submission" and artifact is not None:
        yield Key(tenant, "submission", str(artifact))


def user_of_request(one: Accepted) -> Key | None:
    """The user on whose own pages the request was made, if it was."""
    context = orjson.loads(one.metadata) if one.metadata else {}
    id_ = str(context.get("context_id"))
    if context.get("context_type") != "User" or not _ID_TEXT.fullmatch(id_):
        return None
    return Key(one.key.root_account_uuid, "user", str(local_id(int(id_))))


def tells_apart(text: str) -> bool:
    """Whether a name is long enough to be somebody's, and not a number or word that stands for much else."""
    return len(text) >= (7 if text.isdigit() else 4)


def mentioned(text: str) -> Iterator[tuple[Kind, str]]:
    """Keys of people that a text of any form may hold: each of its texts and words, and numbers that are called user ids."""
    for word in set(_words(text, _DEEPEST)):
        yield "uuid", word
        if tells_apart(word):
            yield "text", word
    for number in set(map(int, _USER_IDS.findall(text))):
        yield "user", str(number)
        yield "user", str(number % SHARD)


def _words(text: str, deep: int) -> Iterator[str]:
    for quoted, word in _TEXTS.findall(text):
        if word:
            yield word
        elif quoted:
            inside = _unescaped(quoted)
            yield inside
            if deep and inside != text and not inside.isalnum():
                yield from _words(inside, deep - 1)


def _unescaped(quoted: str) -> str:
    try:
        text: str = json.loads(f'"{quoted}"', strict=False)
    except ValueError:
        return quoted
    return text
