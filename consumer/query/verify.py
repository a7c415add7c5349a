"""Proof that the projection is what its records say: the digest of all rows, and books that add up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from consumer.ingest.tables import TABLES, Table
from consumer.printable import printable
from consumer.query.objects import QUARANTINE_LEFT_OUT, reads_quarantine
from consumer.query.sql import sql
from consumer.store.postgres import Connection

EXAMPLES = 5
"""Sentences shown of each check that fails."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    promise: str
    failures: int | None
    """None where the login may not read what it takes."""
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found."""

    digest: str
    """64 hex digits over all current and version tables; the same for the same records, however they came."""
    tables: Mapping[str, tuple[int, str]]
    """Rows and digest of each table, to see where two projections differ."""
    checks: tuple[Check, ...]
    books: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Whether every check that could be made passed."""
        return not any(check.failures for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "digest": self.digest,
            "holds": self.holds,
            "books": dict(self.books),
            "checks": [{"promise": c.promise, "failures": c.failures, "examples": list(c.examples)} for c in self.checks],
            "tables": {name: {"rows": rows, "digest": digest} for name, (rows, digest) in self.tables.items()},
        }


async def verify(connection: Connection) -> Verification:
    """Checks everything in one snapshot, so a worker may go on meanwhile. Reads every row."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        held = await _not_empty(connection)
        tables = {  # without unknown_value: the hash of each version covers what it says
            name: await _digest(connection, name, columns) if name in held else _EMPTY
            for table in TABLES.values()
            for name, columns in ((table.name, table.columns), (f"{table.name}_version", (*table.columns, "metadata")))
        }
        checks = [
            await _check(connection, "consumed is the sum of its parts", sql("check_sums")),
            await _check(connection, "applied + superseded = versions", _versions()),
            await _private(connection, "quarantined = records in quarantine", sql("check_quarantine")),
            await _private(connection, "open records in quarantine = tallied ones", sql("check_tally")),
            await _check(connection, "ignored = ignored events counted by name", sql("check_ignored")),
            await _check(connection, "each kept summary is what is computed", sql("check_summaries")),
        ]
        for name, table in TABLES.items():
            promise = f"each current {name} is the newest of its versions"
            filled = name in held or f"{name}_version" in held
            checks.append(await _check(connection, promise, _current(table)) if filled else Check(promise, 0, ()))
        checks += [
            await _private(
                connection, f"{name}: values of unknown members are out of sight", sql("check_unknown").format(table=name)
            )
            for name, table in TABLES.items()
            if table.private
        ]
        checks.append(await _private(connection, "no erased person is in a table", sql("check_suppressed")))
        row = await connection.fetchrow(sql("books"))
    digest = sha256("".join(f"{name} {rows} {found}\n" for name, (rows, found) in sorted(tables.items())).encode()).hexdigest()
    return Verification(digest, tables, tuple(checks), dict(row or {}))


async def _not_empty(connection: Connection) -> set[str]:
    """Tables that hold rows. Most schools use few kinds, and a statement about a table costs milliseconds to plan."""
    names = [name for table in TABLES for name in (table, f"{table}_version")]
    found = await connection.fetch(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names))
    return {name for (name,) in found}


async def _digest(connection: Connection, name: str, columns: Sequence[str]) -> tuple[int, str]:
    told = ", ".join(sorted(columns))  # by name: the order in which columns were made does not matter
    row = await connection.fetchrow(sql("digest").format(table=name, columns=told))
    return _hashed(*row) if row is not None else _EMPTY


def _hashed(rows: int, first: int, second: int) -> tuple[int, str]:
    return rows, sha256(f"{rows} {first} {second}".encode()).hexdigest()[:16]


_EMPTY = _hashed(0, 0, 0)


async def _check(connection: Connection, promise: str, statement: str) -> Check:
    found = await connection.fetch(
        f"SELECT sentence, count(*) OVER () AS failures FROM ({statement}) AS failed LIMIT {EXAMPLES}"
    )
    return Check(promise, found[0]["failures"] if found else 0, tuple(row["sentence"] for row in found))


async def _private(connection: Connection, promise: str, statement: str) -> Check:
    """Of what only the writer and the owner may read."""
    return await _check(connection, promise, statement) if await reads_quarantine(connection) else Check(promise, None, ())


def _versions() -> str:
    counts = " UNION ALL ".join(
        f"SELECT source, partition, count(*) AS versions FROM {name}_version GROUP BY source, partition" for name in TABLES
    )
    return sql("check_versions").format(counts=counts)


def _current(table: Table) -> str:
    compared = [column for column in table.columns if column not in ("root_account_uuid", "id")]
    return sql("check_current").format(
        table=table.name,
        columns=", ".join(table.columns),
        newest=", ".join(f"newest.{column}" for column in compared),
        current=", ".join(f"current.{column}" for column in compared),
    )


def render(found: Verification) -> RenderableType:
    """For people."""
    parts: list[RenderableType] = [Text(f"digest {found.digest}")]
    parts.append(Text(" · ".join(f"{count:,} {part}" for part, count in found.books.items() if count or part != "erased")))
    for check in found.checks:
        if check.failures:
            parts.append(Text(f"WRONG  {check.promise}: {check.failures:,} times", style="red"))
            parts += [Text(f"       {printable(example)}") for example in check.examples]
    if any(check.failures is None for check in found.checks):
        parts.append(Text(QUARANTINE_LEFT_OUT))
    parts.append(Text(verdict(found), style="green" if found.holds else "red"))
    return Group(*parts)


def verdict(found: Verification) -> str:
    """How many checks hold."""
    left_out = sum(check.failures is None for check in found.checks)
    held = sum(check.failures == 0 for check in found.checks)
    return f"{held} of {len(found.checks)} checks hold" + (f", {left_out} left out" if left_out else "")
