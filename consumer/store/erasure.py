"""Takes people out of the projection, in one transaction with the books, and keeps them out."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from consumer.errors import Fatal, UsageError
from consumer.ingest.person_keys import Key, tells_apart
from consumer.ingest.tables import TABLES
from consumer.store.postgres import NOT_NOW, Connection, sqlstate
from consumer.store.sql import sql
from consumer.store.suppressions import Suppressions, suppress

PATIENCE_SECONDS = 300.0
"""Most seconds to try for the lock. Then the error is raised, and nothing has changed."""
_PAUSE_SECONDS = 0.1
_PAGE = 100
"""Records of quarantine that are looked at at a time: each may have megabytes."""

NOT_REACHED = (
    "the topic, until its retention: what is read again ends as erased",
    "captured files: outcomes erase --files FOLDER, for each folder, and for a copy of what is in an object store",
    "the spool of an intake: it goes to the topic by itself, but for its refused.ndjson",
    "backups, replicas' and the server's own logs of changes, and the bytes of deleted rows until vacuum: by their retention",
    "exports, CSV files, notebooks, and summaries that were published",
    "rights, sign-ins and the access log: by their own rules and limits of age",
    "texts that people wrote, such as titles and descriptions",
    "Canvas itself",
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was done, without a name or an id in clear."""

    erased_at: datetime
    root_account_uuid: str
    digests: tuple[str, ...]
    """Of the user ids and uuids, as in `suppression`."""
    rows: Mapping[str, int]
    """How many were taken out, by table and partition. Those of a version table are events."""
    dry_run: bool

    def as_json(self) -> dict[str, Any]:
        """For machines, and for the file of the request."""
        return {
            "erased_at": self.erased_at,
            "dry_run": self.dry_run,
            "root_account_uuid": self.root_account_uuid,
            "digests": list(self.digests),
            "rows": dict(sorted(self.rows.items())),
            "not_reached": list(NOT_REACHED),
        }


class _RollBack(Exception):
    """Ends a transaction that is to change nothing."""


async def erase(
    connection: Connection,
    tenant: str,
    *,
    users: Sequence[int] = (),
    uuids: Sequence[str] = (),
    texts: Sequence[str] = (),
    merged: bool = False,
    dry_run: bool = False,
) -> Receipt:
    """Erases the person who has these user ids or uuids, and suppresses all keys of theirs.

    `texts`: what else to look for in quarantine, such as a name or an address. `merged`: also users whom Canvas has merged with
    this one. Writers wait meanwhile, in a dry run too. Raises `UsageError`, or `Fatal` without the privilege.
    """
    await _check_owner(connection)
    now, receipt = datetime.now(UTC), None
    try:
        async with connection.transaction():
            await _keep_writers_away(connection)
            person = await connection.fetchrow(sql("person_keys"), tenant, list(users), list(uuids))
            assert person is not None
            if len(person["users"]) > 1 and not merged:
                raise UsageError(
                    f"Canvas has merged users, or given one's uuid to another: these keys belong to the users "
                    f"{', '.join(map(str, sorted(person['users'])))}. With --merged they are erased as one person"
                )
            keys = [
                *(Key(tenant, "user", str(user)) for user in person["users"]),
                *(Key(tenant, "uuid", uuid) for uuid in person["uuids"]),
            ]
            names = {row["word"] for row in await connection.fetch(sql("erased_names"), tenant, person["users"])}
            rows = Counter(await suppress(connection, keys))
            suppressions = Suppressions()
            await suppressions.refresh(connection)
            called = sorted(text for text in {*names, *texts} if tells_apart(text))
            digests = [suppressions.digest(tenant, "text", text) for text in called]
            await connection.execute(sql("suppress_names"), tenant, digests)
            await suppressions.refresh(connection)
            rows += await _erase_mentions(connection, _Mentions(suppressions, called, {key.value for key in keys}))
            digests = sorted(suppressions.digest(*key) for key in keys)
            receipt = Receipt(
                now,
                tenant,
                tuple(one.hex() for one in digests),
                {place: number for place, number in rows.items() if number},
                dry_run,
            )
            if dry_run:
                raise _RollBack
    except _RollBack:
        pass
    assert receipt is not None
    return receipt


async def exported(connection: Connection) -> bytes:
    """The list of suppressions with its key, as JSON: whoever has it can test whether a given person was erased."""
    await _check_owner(connection)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        key = await connection.fetchval("SELECT encode(key, 'hex') FROM outcomes_internal.erasure_key")
        rows = [dict(row) for row in await connection.fetch(sql("suppression_list"))]
    return orjson.dumps({"key": key, "suppressions": rows}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


async def take_in(connection: Connection, exported: bytes) -> tuple[int, Mapping[str, int]]:
    """Brings a restored database in line with a list: (suppressions that were missing, rows that were taken out by table).

    Raises `UsageError` for a list with another key than that of this database's suppressions.
    """
    await _check_owner(connection)
    try:
        found = orjson.loads(exported)
        key = bytes.fromhex(found["key"])
        columns = [
            [row["root_account_uuid"] for row in found["suppressions"]],
            [row["kind"] for row in found["suppressions"]],
            [bytes.fromhex(row["digest"]) for row in found["suppressions"]],
            [datetime.fromisoformat(row["erased_at"]) for row in found["suppressions"]],
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError("this is no list of suppressions; `outcomes erase --export FILE` writes one") from error
    async with connection.transaction():
        await _keep_writers_away(connection)
        ours = await connection.fetchval("SELECT key FROM outcomes_internal.erasure_key")
        if ours != key:
            if await connection.fetchval("SELECT EXISTS (SELECT FROM suppression)"):
                raise UsageError("this list was made by another installation, whose digests mean nothing here")
            await connection.execute("SELECT outcomes_internal.set_erasure_key($1)", key)
        added = await connection.fetchval(sql("suppression_add"), *columns)
        if not added:
            return 0, {}
        still = {
            Key(row["root_account_uuid"], row["kind"], row["value"])
            for row in await connection.fetch("SELECT * FROM outcomes_internal.stored_suppressed()")
        }
        rows = Counter(await suppress(connection, still))
        suppressions = Suppressions()
        await suppressions.refresh(connection)
        rows += await _erase_mentions(connection, _Mentions(suppressions, (), {""}))
    return added, {place: number for place, number in rows.items() if number}


async def _check_owner(connection: Connection) -> None:
    if not await connection.fetchval(sql("retain_owner")):
        raise Fatal("erase takes rows out of tables: run it as their owner, the user that runs migrate")


async def _keep_writers_away(connection: Connection) -> None:
    """Asks for the lock again and again: writers queue behind who waits for it."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = '800ms'")
                await connection.fetchval(sql("look_at_suppressions"), True)
                await connection.execute("SET LOCAL lock_timeout = 0")
            return
        except Exception as error:
            if sqlstate(error) not in NOT_NOW or time.monotonic() > until:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)


class _Mentions:
    """Which texts of any form hold a suppressed person, or one of some other words."""

    def __init__(self, suppressions: Suppressions, texts: Collection[str], keys: Collection[str]) -> None:
        """A text that holds none of `keys` and `texts` is not looked at: an empty key is in every text."""
        self._suppressions = suppressions
        self.words = sorted({form for word in (*texts, *keys) for form in _spelt(word)})
        self._texts = [re.compile(rf"(?<!\w){re.escape(form)}(?!\w)") for word in texts for form in _spelt(word)]

    def are_in(self, text: str) -> bool:
        """Whether it does."""
        return self._suppressions.is_mentioned(text) or any(one.search(text) for one in self._texts)


def _spelt(word: str) -> set[str]:
    """As JSON writes a word in UTF-8, in plain ASCII, as Canvas does, and in a text within JSON."""
    plain = json.dumps(word)[1:-1]
    return {orjson.dumps(word).decode()[1:-1], plain, json.dumps(plain)[1:-1]}


async def _erase_mentions(connection: Connection, mentions: _Mentions) -> Counter[str]:
    """Where a person may be mentioned by chance: in open records of quarantine, and in values of unknown members."""
    await connection.execute(sql("erase_summary_marks"))
    rows = Counter(quarantine=await _from_quarantine(connection, mentions))
    names = [name for table in TABLES.values() if not table.private for name in (table.name, f"{table.name}_version")]
    for name, column in (*((name, "extra") for name in names), ("unknown_value", "members")):
        found = await connection.fetch(sql("erased_extra").format(table=name, column=column), mentions.words)
        if held := [tuple(row)[:4] for row in found if mentions.are_in(row["text"])]:
            statement = sql("erase_unknown") if name == "unknown_value" else sql("erase_extra").format(table=name)
            await connection.execute(statement, *map(list, zip(*held, strict=True)))
            rows["unknown_value" if name == "unknown_value" else f"{name}: unknown members"] += len(held)
    return rows


async def _from_quarantine(connection: Connection, mentions: _Mentions) -> int:
    after, erased = 0, 0
    words = [word.encode() for word in mentions.words]
    while page := await connection.fetch(sql("erased_quarantine"), after, words, _PAGE):
        after = page[-1]["id"]
        held = [row["id"] for row in page if mentions.are_in(row["raw"].decode("utf-8", "replace"))]
        await connection.execute(sql("erase_quarantine"), held)
        erased += len(held)
    return erased
