"""Takes erased people out of a folder that `outcomes capture` has filled."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import orjson

from consumer.errors import UsageError
from consumer.ingest.batch import Batch
from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import RawRecord
from consumer.ingest.version import CONTEXT
from consumer.sources.archive import Archive
from consumer.sources.storage import MANIFEST, Folder
from consumer.store.postgres import Connection, translating
from consumer.store.suppressions import Suppressions

_KEPT = frozenset({*CONTEXT, "event_name", "event_time", "root_account_uuid"})
"""Metadata that the projection stores."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What was done in a folder."""

    files: int
    """Rewritten; the others hold no erased person."""
    records: int
    """Taken out: events about an erased person, and what mentions one and cannot be told apart."""
    changed: int
    """Of others, left without what mentions an erased person: who made the request, or members that no model knows."""


async def rewrite(connection: Connection, folder: Path, rules: Rules) -> Rewritten:
    """Rewrites the files that hold erased people, each whole. Raises `Fatal` where a capture writes to the folder.

    A record that holds several events goes whole with one of them.
    """
    if not (folder / MANIFEST).exists():
        raise UsageError(f"{folder} is no folder that `outcomes capture` has filled")
    archive = await asyncio.to_thread(lambda: Archive(Folder(folder)))
    try:
        with translating():
            rewriting = _Rewriting(connection, archive, rules)
            await rewriting.learn_all()
            return await rewriting.run()
    finally:
        archive.close()


class _Rewriting:
    def __init__(self, connection: Connection, archive: Archive, rules: Rules) -> None:
        self._connection = connection
        self._archive = archive
        self._rules = rules
        self._now = datetime.now(UTC)
        self._suppressions = Suppressions()

    async def learn_all(self) -> None:
        """An event can say at the end what an event at the beginning hangs on."""
        known = -1
        await self._suppressions.refresh(self._connection)
        while known != self._suppressions.number:
            known = self._suppressions.number
            for name in self._archive.names():
                await self._changes(name)

    async def run(self) -> Rewritten:
        files = gone = changed = 0
        for name in self._archive.names():
            records, changes = await self._changes(name)
            if not changes:
                await asyncio.to_thread(self._archive.correct, name, records)
                continue
            await asyncio.to_thread(self._archive.rewrite, name, self._changed(name, changes))
            went = sum(line is None for line in changes.values())
            files, gone, changed = files + 1, gone + went, changed + len(changes) - went
        return Rewritten(files, gone, changed)

    async def _changes(self, name: str) -> tuple[int, dict[int, bytes | None]]:
        """How many lines a file has, and what is to be left of those that do not stay as they are."""
        first, changes = 0, dict[int, bytes | None]()
        for lines in self._archive.lines(name):
            batch = Batch()
            for position, line in enumerate(lines, first):
                batch.add(decode(RawRecord(name, 0, position, line), self._rules, self._now))
            divided = await self._suppressions.divide(self._connection, batch)
            gone = {record.position for record in divided.erased}
            same = set(map(id, batch.accepted))
            shortened = {one.record.position for one in divided.accepted if id(one) not in same and one.metadata is None}
            for position, line in enumerate(lines, first):
                left = None if position in gone else self._without_mention(line, own_pages=position in shortened)
                if left != line:
                    changes[position] = left
            first += len(lines)
        return first, changes

    def _changed(self, name: str, changes: Mapping[int, bytes | None]) -> Iterator[bytes]:
        for position, line in enumerate(chain.from_iterable(self._archive.lines(name))):
            if (left := changes.get(position, line)) is not None:
                yield left

    def _without_mention(self, line: bytes, *, own_pages: bool) -> bytes | None:
        """A line that is about somebody else, without what mentions an erased person; None where that cannot be told apart."""
        if not (own_pages or self._is_mentioned(line)):
            return line
        try:
            entry = orjson.loads(line)
            payload = orjson.loads(entry["payload"])
            kept = _KEPT - set(CONTEXT) if own_pages else _KEPT
            metadata = {name: value for name, value in payload["metadata"].items() if name in kept}
            body = {
                name: value for name, value in payload["body"].items() if not self._is_mentioned(orjson.dumps({name: value}))
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        left = orjson.dumps(entry | {"payload": orjson.dumps({"metadata": metadata, "body": body}).decode()})
        return None if self._is_mentioned(left) else left

    def _is_mentioned(self, line: bytes) -> bool:
        return self._suppressions.is_mentioned(line.decode("utf-8", "replace"))
