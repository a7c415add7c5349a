"""What the projection knows of what REST tells, and what a backfill notes beside the versions: statements over one connection.

Every method waits for Postgres as long as it takes, and may raise `Stopped`, `Fatal` or `RefusedRow`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import asyncpg

from consumer.canvas.client import Context
from consumer.canvas.compare import BACKFILLED, Known, known_of, row_id, user_uuid
from consumer.canvas.sql import sql
from consumer.errors import Transient
from consumer.query import grading_standards
from consumer.store.patience import Patience
from consumer.store.postgres import Connection, connect, translated
from schemas.grading_standards import Standard

T = TypeVar("T")

_EXTRA = {
    "learning_outcome_group": "extra_groups",
    "learning_outcome_link": "extra_links",
    "learning_outcome_result": "extra_results",
}


class Alignment(NamedTuple):
    """A state of one alignment."""

    learning_outcome_id: int
    asset_type: str
    asset_id: int
    workflow_state: str
    title: str | None
    submission_types: str | None
    url: str | None
    event_time: datetime

    @property
    def key(self) -> tuple[int, str, int]:
        """Outcome, and what measures it."""
        return self.learning_outcome_id, self.asset_type, self.asset_id


class Aligned(NamedTuple):
    """What is known here of one alignment."""

    known: Alignment | None
    """The newest state that REST told; None where only results imply it."""
    newest_result: datetime | None
    """Time of the newest version of an active result of it; None where there is none."""


class Judged(NamedTuple):
    """A grading standard as told, against what held then."""

    id: int
    known: bool
    differs: bool
    newer: bool
    ours: dict[str, Any]
    canvas: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Begun:
    """A backfill that is under way."""

    id: int
    begun_at: datetime
    steps: frozenset[str]
    """Those that are written."""
    again: bool
    """It was begun before."""


class Here:
    """One connection, made again when it breaks; tasks take turns. An async context manager is not needed: `close` is."""

    def __init__(self, dsn: str, patience: Patience, *, statement_seconds: float) -> None:
        self._dsn = dsn
        self._patience = patience
        self._statement_seconds = statement_seconds
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None
        self._learnt: dict[str, dict[str, str]] = {}
        """Tenant -> user id -> uuid, where nothing is written."""

    async def close(self) -> None:
        """Drops the connection; nothing is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
            await asyncio.sleep(0)  # lets the transport close

    # What is known

    async def known(self, tenant: str, table: str, ids: Iterable[int]) -> dict[int, Known]:
        """By the id of the row."""
        rows = sorted({row_id(table, id_) for id_ in ids})
        known, feed = (
            (sql("known_results"), sql("feed_results"))
            if table == "learning_outcome_result"
            else (sql("known").format(table=table), sql("feed").format(table=table))
        )
        found = {row["id"]: known_of(table, dict(row)) for row in await self._fetch(known, tenant, rows)}
        if snapshots := [id_ for id_, one in found.items() if one.snapshot]:
            told: dict[int, list[asyncpg.Record]] = {}
            for row in await self._fetch(feed, tenant, snapshots):
                told.setdefault(row["id"], []).append(row)
            for id_, versions in told.items():
                newest, *earlier = (known_of(table, dict(row)) for row in versions)
                found[id_] = replace(found[id_], feed=newest, earlier=[one.body for one in earlier])
        return found

    async def known_links(self, tenant: str, context: Context, outcome_ids: Collection[int]) -> list[Known]:
        """Of some outcomes in a context, in whatever state; one that went in silence as if REST had told it."""
        rows = await self._fetch(sql("known_links"), tenant, *context, list(outcome_ids))
        return [
            replace(link, body=link.body | {"workflow_state": "deleted"}, event_name=f"learning_outcome_link{BACKFILLED}")
            if row["gone_in_silence"]
            else link
            for row in rows
            for link in [known_of("learning_outcome_link", dict(row))]
        ]

    async def known_scale(self, tenant: str, context: Context) -> tuple[Known | None, int | None]:
        """The newest version of a context's own scale, and the id that the feed has told."""
        rows = await self._fetch(sql("known_scale"), tenant, *context)
        return (known_of("outcome_proficiency", dict(rows[0])), rows[0]["feeds_id"]) if rows else (None, None)

    async def judged(self, tenant: str, standards: Sequence[Standard], at: datetime) -> list[Judged]:
        """Of each told standard, whether it differs from what held when it was told."""
        told = json.dumps([standard.model_dump(mode="json") for standard in standards])
        rows = await self._fetch(sql("standards_compared"), tenant, told, at)
        return [
            Judged(row["id"], row["known"], row["differs"], row["newer"], json.loads(row["ours"]), json.loads(row["canvas"]))
            for row in rows
        ]

    async def aligned(self, tenant: str, course_id: int) -> dict[tuple[int, str, int], Aligned]:
        """By outcome and what measures it."""
        found = {}
        for row in await self._fetch(sql("alignments_here"), tenant, course_id):
            key = (row["learning_outcome_id"], row["asset_type"], row["asset_id"])
            state = (row["workflow_state"], row["title"], row["submission_types"], row["url"], row["event_time"])
            known = Alignment(*key, *state) if row["workflow_state"] is not None else None
            found[key] = Aligned(known, row["newest_result"])
        return found

    async def students_of(
        self, tenant: str, course_id: int, pairs: Collection[tuple[int, int]], students: Collection[str]
    ) -> dict[tuple[int, int], Sequence[str] | None]:
        """Of alignments (outcome, assignment): some of these students, as `user_uuid`, who have an active result of it here.

        None where nobody has one.
        """
        outcomes, assignments = [list(ids) for ids in zip(*pairs, strict=True)] or ([], [])
        rows = await self._fetch(sql("alignments_students"), tenant, course_id, outcomes, assignments, list(students))
        return {(row["learning_outcome_id"], row["assignment_id"]): row["students"] if row["results"] else None for row in rows}

    async def uuids(self, tenant: str, users: Collection[str]) -> set[str]:
        """All that results here may call these users, who are named as REST names them: by id, or by `uuid:` and the uuid."""
        known = await self.users(tenant, users)
        return {user_uuid(user, names) for user in users for names in (known, {})}

    async def users(self, tenant: str, user_ids: Iterable[str]) -> dict[str, str]:
        """User id -> uuid, of those that are known."""
        ids = sorted({int(id_) for id_ in user_ids if not id_.startswith("uuid:")})
        noted = {str(id_): uuid for id_, uuid in await self._fetch(sql("users"), tenant, ids)} if ids else {}
        learnt = self._learnt.get(tenant, {})
        return {str(id_): learnt[str(id_)] for id_ in ids if str(id_) in learnt} | noted

    async def user_ids(self, tenant: str, user_uuids: Iterable[str]) -> dict[str, int]:
        """Uuid -> user id, of those that are known."""
        asked = set(user_uuids)
        learnt = {uuid: int(id_) for id_, uuid in self._learnt.get(tenant, {}).items() if uuid in asked}
        return learnt | {row["user_uuid"]: row["user_id"] for row in await self._fetch(sql("user_ids"), tenant, list(asked))}

    async def to_name(self, tenant: str, above: int, most: int) -> list[tuple[Known, str]]:
        """Results above this id whose student has become known, each with the uuid."""
        rows = await self._fetch(sql("users_to_name"), tenant, above, most)
        return [(known_of("learning_outcome_result", dict(row)), row["learnt"]) for row in rows]

    async def not_shown(
        self, tenant: str, table: str, context: Context, at: datetime, shown: Collection[int], *more: Any
    ) -> list[Known]:
        """What is active here and was not shown."""
        rows = await self._fetch(sql(_EXTRA[table]), tenant, *context, at, list(shown), *more)
        return [known_of(table, dict(row)) for row in rows]

    async def outcomes_elsewhere(self, tenant: str, context: Context, shown: Collection[int]) -> list[int]:
        """Active outcomes of a context that no link of it has shown."""
        return [row["id"] for row in await self._fetch(sql("outcomes_elsewhere"), tenant, *context, list(shown))]

    async def rollups(
        self, tenant: str, course_id: int, students: Collection[str], at: datetime
    ) -> dict[tuple[str, int], float | None]:
        """Scores by student and outcome."""
        rows = await self._fetch(sql("rollups"), tenant, course_id, list(students), at)
        return {(row["user_uuid"], row["learning_outcome_id"]): row["score"] for row in rows}

    async def course_account(self, tenant: str | None, course_id: int) -> int | None:
        """The account that holds a course, where it is known."""
        rows = await self._fetch(sql("course_account"), tenant, course_id)
        return rows[0]["account_id"] if rows else None

    async def account_level(self, tenant: str) -> bool:
        """Whether rollups are computed with account-level scales here."""
        return bool((await self._fetch(sql("account_level"), tenant))[0][0])

    # What is noted

    async def learn(self, tenant: str, users: Mapping[str, str], *, writing: bool) -> None:
        """Who some user ids are; where nothing is written that is known to this object alone."""
        if not writing:
            self._learnt.setdefault(tenant, {}).update(users)
        elif users:
            await self._fetch(sql("users_learn"), tenant, [int(id_) for id_ in users], list(users.values()))

    async def align(
        self, tenant: str, course_id: int, source: str, states: Sequence[Alignment], judged: Sequence[datetime | None]
    ) -> None:
        """Adds states of alignments of a course; `judged`: of when the state is, if any, by which each was found to be news."""
        if not states:
            return
        columns = (*map(list, zip(*states, strict=True)), list(judged))

        async def write(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(sql("alignments_turn"))
                await connection.execute(sql("alignments_write"), tenant, course_id, source, *columns)

        await self._using(write)

    async def take_in(self, tenant: str, standards: Sequence[Standard], at: datetime) -> None:
        """Adds states of grading standards."""
        await self._using(lambda connection: grading_standards.take_in(connection, standards, tenant, at))

    async def give_up(self, tenant: str, source: str, scope: str) -> None:
        """An unfinished backfill of this scope is not gone on with."""
        await self._fetch(sql("run_give_up"), tenant, source, scope)

    async def begin(self, tenant: str, source: str, scope: str) -> Begun:
        """The unfinished backfill of this scope, else a new one."""
        again = True
        while not (rows := await self._fetch(sql("run_unfinished"), tenant, source, scope)):
            again = False
            await self._fetch(sql("run_begin"), tenant, source, scope)
        return Begun(rows[0]["id"], rows[0]["begun_at"], frozenset(rows[0]["steps"]), again)

    async def finish_step(self, run_id: int, step: str) -> None:
        """All of it is committed."""
        await self._fetch(sql("step_finish"), run_id, step)

    async def finish(self, run_id: int) -> None:
        """The next one begins anew."""
        await self._fetch(sql("run_finish"), run_id)

    async def _fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        return await self._using(lambda connection: connection.fetch(statement, *arguments))

    async def _using(self, action: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._turn:
            return await self._patience.patiently(lambda: self._once(action))

    async def _once(self, action: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            if self._connection is None:
                self._connection = await connect(self._dsn, statement_seconds=self._statement_seconds)
            return await action(self._connection)
        except Exception as error:
            meaning = translated(error)
            if meaning is None or isinstance(meaning, Transient):
                await self.close()
            if meaning is None or meaning is error:
                raise
            raise meaning from error
        except BaseException:  # cancelled in the middle: its state is unknown
            await self.close()
            raise
