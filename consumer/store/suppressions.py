"""Whom the writer must not store: people who were erased. Their events count as erased, and go nowhere."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from operator import itemgetter
from typing import NamedTuple

from consumer import log
from consumer.ingest.batch import Batch
from consumer.ingest.person_keys import (
    CONTEXT,
    EXTRA,
    HANGING,
    OWN_PAGES,
    PERSON_COLUMNS,
    Key,
    Kind,
    Secret,
    digest_of,
    hangs_on,
    mentioned,
    same_person,
    things_of,
    user_of_request,
)
from consumer.ingest.records import Accepted
from consumer.store.postgres import Connection
from consumer.store.sql import sql

_REMEMBERED = 100_000
"""Most values of a tenant that are remembered."""


class _Touched(NamedTuple):
    """The versions of a batch that may have to do with suppressed people."""

    people: list[Accepted]
    """They name one."""
    hanging: list[Accepted]
    """They hang on what may be one's."""
    mentioning: list[Accepted]
    """They may mention one beside."""


class Suppressions:
    """What one connection knows of them. Without any, nothing is computed."""

    def __init__(self) -> None:
        self.number = 0
        """Of the newest one that is known."""
        self._secret = Secret(b"", b"")
        self._digests: set[bytes] = set()
        """Of people. What hangs on them is looked up: a person has thousands."""
        self._tenants: set[str] = set()
        self._others: dict[tuple[str, Kind], set[object]] = defaultdict(set)
        """Values that are known to name nobody who is suppressed: a digest takes as long as twenty look-ups."""

    async def refresh(self, connection: Connection) -> None:
        """Reads those that are new."""
        newest = await connection.fetchval("SELECT coalesce(max(id), 0) FROM suppression")
        for row in await connection.fetch(sql("suppressed_people"), self.number):
            self._secret = Secret(row["inner_pad"], row["outer_pad"])
            self._digests.add(row["digest"])
            self._tenants.add(row["root_account_uuid"])
        self.number = newest
        self._others.clear()

    async def divide(self, connection: Connection, batch: Batch, *, learn: bool = True) -> Batch:
        """The batch with all events about suppressed people in `erased`, as far as they are known.

        `learn`: what such an event says of the person beside is suppressed first, and taken out of the tables.
        """
        if not self.number:
            return batch
        while True:
            touched = self._touched(batch.accepted)
            owned = {key for one in touched.people for key in (*self._same_person(one), *things_of(one))}
            hanging = {id(one): list(hangs_on(one)) for one in touched.hanging}
            known = await self._suppressed(connection, owned.union(*hanging.values()))
            if not learn or not owned - known:
                break
            gone = await suppress(connection, owned - known)
            log.get("store").info("erased_by_event", keys=len(owned - known), rows=sum(gone.values()))
            await self.refresh(connection)
        erased = [*touched.people, *(one for one in touched.hanging if not known.isdisjoint(hanging[id(one)]))]
        changed = {id(one): self._without_mention(one) for one in touched.mentioning}
        rejected = [one for one in batch.rejected if self.is_mentioned(one.raw.decode("utf-8", "replace"))]
        if not (erased or changed or rejected):
            return batch
        numbers = {*map(id, erased), *map(id, rejected)}
        return replace(
            batch,
            accepted=[changed.get(id(one), one) for one in batch.accepted if id(one) not in numbers],
            rejected=[one for one in batch.rejected if id(one) not in numbers],
            erased=[*batch.erased, *(one.record for one in erased), *(one.record for one in rejected)],
        )

    def is_mentioned(self, text: str, tenants: Iterable[str] | None = None) -> bool:
        """Whether a text of any form holds the uuid or the user id of a suppressed person."""
        keys = list(mentioned(text))
        return any(
            self.digest(tenant, *key) in self._digests
            for tenant in (self._tenants if tenants is None else tenants)
            for key in keys
        )

    def _touched(self, accepted: Iterable[Accepted]) -> _Touched:
        """By table and tenant, and by sets of values: of most events it says nothing, and a call for each would cost more."""
        groups: dict[tuple[str, str], list[Accepted]] = defaultdict(list)
        for one in accepted:
            groups[one[0].name, one[2][0]].append(one)
        found = _Touched([], [], [])
        for (table, tenant), versions in groups.items():
            rows = [one[2] for one in versions]
            suppressed = [
                (at, values)
                for at, kind in PERSON_COLUMNS[table]
                if (values := self._suppressed_values(tenant, kind, set(map(itemgetter(at), rows))))
            ]
            if suppressed:
                people = [one for one in versions if any(one.row[at] in values for at, values in suppressed)]
                found.people.extend(people)
                numbers = set(map(id, people))
                groups[table, tenant] = [one for one in versions if id(one) not in numbers]
            if table in HANGING:
                found.hanging.extend(groups[table, tenant])
            found.mentioning.extend(
                one
                for one in groups[table, tenant]
                if one[2][EXTRA] is not None or (one[2][CONTEXT] and OWN_PAGES in one[2][CONTEXT])
            )
        return found

    def _suppressed_values(self, tenant: str, kind: Kind, values: set[object]) -> set[object]:
        """Those of a column's values that name a suppressed person."""
        others = self._others[tenant, kind]
        new = values - others
        suppressed = {value for value in new if value is not None and self._is_suppressed((tenant, kind, value))}
        if len(others) > _REMEMBERED:
            others.clear()
        others |= new - suppressed
        return suppressed

    def _same_person(self, one: Accepted) -> list[Key]:
        """None for an event that names a suppressed person beside the one whom it is about."""
        keys = same_person(one)
        return keys if any(map(self._is_suppressed, keys)) else []

    def digest(self, tenant: str, kind: Kind, value: object) -> bytes:
        """Of a key, as `suppression` holds it. Once there is one."""
        return digest_of(self._secret, tenant, kind, value)

    def _is_suppressed(self, key: tuple[str, Kind, object]) -> bool:
        return self.digest(*key) in self._digests

    def _without_mention(self, one: Accepted) -> Accepted:
        """Without the values of unknown members and without the request's context, where they hold a suppressed person."""
        columns: dict[str, None] = {}
        if one.extra is not None and self.is_mentioned(one.extra, [one.key.root_account_uuid]):
            columns["extra"] = None
        if (key := user_of_request(one)) is not None and self._is_suppressed(key):
            columns["metadata"] = None
        if not columns:
            return one
        return one._replace(
            row=tuple(columns.get(name, value) for name, value in zip(one.table.stage_columns, one.row, strict=True))
        )

    async def _suppressed(self, connection: Connection, keys: Collection[Key]) -> set[Key]:
        if not keys:
            return set()
        digests = {self.digest(*key): key for key in keys}
        rows = await connection.fetch(sql("suppressed_digests"), list(digests))
        return {digests[row["digest"]] for row in rows}


async def suppress(connection: Connection, keys: Iterable[Key]) -> Mapping[str, int]:
    """Suppresses these and takes them out of the tables; returns how many rows went, by table and partition."""
    by_tenant: dict[str, dict[Kind, list[str]]] = defaultdict(lambda: defaultdict(list))
    for tenant, kind, value in sorted(keys):
        by_tenant[tenant][kind].append(value)
    gone: dict[str, int] = defaultdict(int)
    for tenant, values in by_tenant.items():
        kinds: tuple[Kind, ...] = ("user", "enrollment", "submission", "rubric_assessment")
        users, *things = [list(map(int, values[kind])) for kind in kinds]
        for row in await connection.fetch(sql("suppress"), tenant, users, values["uuid"], *things):
            gone[row["place"]] += row["entries"]
    return gone
