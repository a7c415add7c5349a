"""Functions and views as they are today: one a file, brought into a database whenever the text has changed."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from typing import Any

import asyncpg

from migrations import FOLDER

_MADE = re.compile(r"^CREATE OR REPLACE (FUNCTION|VIEW) (outcomes\w*\.\w+)", re.MULTILINE)
_NAMED = re.compile(r"\boutcomes\w*\.\w+")
_CALLED = re.compile(r"\b(outcomes\w*\.\w+)\(")

_RECORDED = """
SELECT name, kind, digest,
       CASE kind WHEN 'VIEW' THEN to_regclass(name) IS NOT NULL
                 ELSE EXISTS (SELECT
                                FROM pg_proc
                               WHERE pronamespace = to_regnamespace(split_part(name, '.', 1))
                                 AND proname = split_part(name, '.', 2))
            END AS there
  FROM outcomes_internal.applied_file
 ORDER BY name
"""
_RECORD = """
INSERT INTO outcomes_internal.applied_file (name, kind, digest) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, applied_at = now()
"""
_OTHER_SHAPE = {"42P13", "42P16", "42725"}
"""SQLSTATEs of an object that has other columns or another result now. The last is that of its COMMENT, where other arguments
have made a second function of its name."""


@dataclass(frozen=True, slots=True)
class SqlObject:
    """A function or view, as its file makes it."""

    name: str
    """With its schema."""
    kind: str
    """FUNCTION or VIEW."""
    text: str
    needs: frozenset[str]
    """The other ones that it names, always with their schema."""
    digest: str
    """SHA-256 of the file, and of the functions `text_of_…` whose text it is made of."""


def ordered(texts: Iterable[str]) -> Mapping[str, SqlObject]:
    """The objects that these files make, each after those that it needs."""
    made = {}
    for text in texts:
        head = _MADE.search(text)
        assert head is not None, text
        made[head[2]] = (head[1], text)
    needs = {name: frozenset(_NAMED.findall(text)) & made.keys() - {name} for name, (_, text) in made.items()}
    found: dict[str, SqlObject] = {}
    for name in TopologicalSorter({name: sorted(needs[name]) for name in sorted(made)}).static_order():
        kind, text = made[name]
        parts = [text, *(found[need].digest for need in sorted(needs[name]) if ".text_of_" in need)]
        found[name] = SqlObject(name, kind, text, needs[name], hashlib.sha256("\n".join(parts).encode()).hexdigest())
    return found


@cache
def objects() -> Mapping[str, SqlObject]:
    """All of this code."""
    files = (*FOLDER.glob("functions/*.sql"), *FOLDER.glob("views/*.sql"))
    return ordered(file.read_text(encoding="utf-8") for file in files)


def called(script: str) -> frozenset[str]:
    """The functions that a step calls, and all that these need."""
    found = frozenset(_CALLED.findall(script)) & objects().keys()
    while more := {need for name in found for need in objects()[name].needs} - found:
        found |= more
    return found


async def differing(connection: Any) -> list[str]:
    """Names of those that the database has otherwise than this code, lacks, or has too many."""
    recorded = {row["name"]: row for row in await connection.fetch(_RECORDED)}
    digests = {name: one.digest for name, one in objects().items()}
    same = {name for name, row in recorded.items() if row["there"] and row["digest"] == digests.get(name)}
    return sorted((digests.keys() | recorded.keys()) - same)


async def apply(connection: Any, chosen: Collection[str] | None = None) -> list[str]:
    """Makes those that differ, or only the `chosen` ones of them, and returns their names.

    What has other arguments or columns than before is dropped, with those that need it, and made again. Without `chosen`, those
    that have no file any more are dropped.
    """
    todo, changed = set(await differing(connection)), []
    for name, one in objects().items():
        if name in todo and (chosen is None or name in chosen):
            todo |= await _make(connection, one)
            await connection.execute(_RECORD, one.name, one.kind, one.digest)
            changed.append(name)
    return changed if chosen is not None else [*changed, *await _drop_removed(connection)]


async def _make(connection: Any, one: SqlObject) -> set[str]:
    """Returns the names of those that had to be dropped for it."""
    try:
        async with connection.transaction():
            await connection.execute(one.text)
        return set()
    except asyncpg.PostgresError as error:
        if error.sqlstate not in _OTHER_SHAPE:
            raise
    dropped = {one.name}
    for other in objects().values():  # in their order, so that what needs a dropped one is found in one walk
        if other.needs & dropped:
            dropped.add(other.name)
    for other in reversed(list(objects().values())):
        if other.name in dropped:
            await connection.execute(f"DROP {other.kind} IF EXISTS {other.name}")
    await connection.execute(one.text)
    return dropped - {one.name}


async def _drop_removed(connection: Any) -> list[str]:
    removed = [row for row in await connection.fetch(_RECORDED) if row["name"] not in objects()]
    for kind in ("VIEW", "FUNCTION"):
        if names := ", ".join(row["name"] for row in removed if row["kind"] == kind):
            await connection.execute(f"DROP {kind} IF EXISTS {names}")
    await connection.execute(
        "DELETE FROM outcomes_internal.applied_file WHERE name = ANY ($1)", [row["name"] for row in removed]
    )
    return [row["name"] for row in removed]
