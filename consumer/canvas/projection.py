"""Our side of a comparison with Canvas: what the projection holds, and what a backfill stores beside the versions."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import asyncpg

from consumer.canvas.client import Context
from consumer.canvas.compare import BACKFILLED, Known, known_of, user_uuid
from consumer.canvas.sql import sql
from consumer.errors import OutcomesError, Transient
from consumer.query import grading_standards
from consumer.store.postgres import Connection, connect, translating
from consumer.store.retrying import StoppableRetry
from schemas.grading_standards import Standard

T = TypeVar("T")

_NOT_SHOWN = {
    "learning_outcome_group": "groups_not_shown",
    "learning_outcome_link": "links_not_shown",
    "learning_outcome_result": "results_not_shown",
    "assignment": "assignments_not_shown",
    "course_section": "sections_not_shown",
    "enrollment": "enrollments_not_shown",
}

_NAMES = ("name", "short_name", "sortable_name", "user_login", "user_sis_id")
"""Members in the order of the columns of `names_known.sql`."""

AlignmentKey = tuple[int, str, int]
"""The outcome, and what measures it."""


class AlignmentState(NamedTuple):
    """An alignment at one time."""

    learning_outcome_id: int
    asset_type: str
    asset_id: int
    workflow_state: str
    title: str | None
    submission_types: str | None
    url: str | None
    event_time: datetime

    @property
    def key(self) -> AlignmentKey:
        """The alignment."""
        return self.learning_outcome_id, self.asset_type, self.asset_id


class KnownAlignment(NamedTuple):
    """What we know of an alignment."""

    state: AlignmentState | None
    """REST's newest state; None if only results imply the alignment."""
    newest_result: datetime | None
    """Time of the newest version of an active result of it."""

    @property
    def expected(self) -> bool:
        """Whether it is active, or has results; a deletion may be older than those."""
        return self.newest_result is not None or (self.state is not None and self.state.workflow_state == "active")


class StandardComparison(NamedTuple):
    """A grading standard of REST against the version that held then."""

    id: int
    known: bool
    differs: bool
    newer: bool
    """We know a version that is newer than the request."""
    ours: dict[str, Any]
    canvas: dict[str, Any]


@dataclass(frozen=True, slots=True)
class UnfinishedRun:
    """A backfill's record of its steps."""

    id: int
    begun_at: datetime
    steps: frozenset[str]
    """Steps that are written."""
    resumed: bool


class Session:
    """Reconnects when the connection breaks; tasks take turns. Close it in the end.

    Its methods wait for Postgres as long as it takes, and may raise `Stopped`, `Fatal` or `RefusedRow`.
    """

    def __init__(self, dsn: str, retry: StoppableRetry, *, statement_seconds: float) -> None:
        self._dsn = dsn
        self._retry = retry
        self._statement_seconds = statement_seconds
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None

    async def close(self) -> None:
        """Drops the connection; no transaction is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
            await asyncio.sleep(0)  # lets the transport close

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows of one statement."""
        return await self.use(lambda connection: connection.fetch(statement, *arguments))

    async def use(self, action: Callable[[Connection], Awaitable[T]]) -> T:
        """Repeats the action on a new connection until it succeeds."""
        async with self._turn:
            return await self._retry.patiently(lambda: self._once(action))

    async def _once(self, action: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            with translating():
                if self._connection is None:
                    self._connection = await connect(self._dsn, statement_seconds=self._statement_seconds)
                return await action(self._connection)
        except OutcomesError as error:
            if isinstance(error, Transient):
                await self.close()
            raise
        except BaseException:  # a bug or a cancelled statement leaves the connection in an unknown state
            await self.close()
            raise


async def account_of_course(session: Session, tenant: str | None, course_id: int) -> int | None:
    """The account that holds a course, if we know it."""
    rows = await session.fetch(sql("course_account"), tenant, course_id)
    return rows[0]["account_id"] if rows else None


class Projection:
    """One tenant's projection, compared with one Canvas. Methods raise as `Session` does."""

    def __init__(self, session: Session, tenant: str, source: str, *, writing: bool, names: bool = False) -> None:
        self.names = names
        """Whether names of people are stored."""
        self._session = session
        self._tenant = tenant
        self._source = source
        self._writing = writing
        self._learnt: dict[str, str] = {}
        """User id -> uuid, in a dry run."""

    async def _fetch(self, name: str, *arguments: Any) -> list[asyncpg.Record]:
        return await self._session.fetch(sql(name), self._tenant, *arguments)

    # What is known

    async def known(self, table: str, ids: Iterable[int]) -> dict[int, Known]:
        """By the id of the row."""
        rows = sorted(set(ids))
        known, feed = (
            (sql("known_results"), sql("feed_results"))
            if table == "learning_outcome_result"
            else (sql("known").format(table=table), sql("feed").format(table=table))
        )
        found = {row["id"]: known_of(table, dict(row)) for row in await self._session.fetch(known, self._tenant, rows)}
        if snapshots := [id_ for id_, one in found.items() if one.snapshot]:
            versions: dict[int, list[Known]] = {}
            for row in await self._session.fetch(feed, self._tenant, snapshots):
                versions.setdefault(row["id"], []).append(known_of(table, dict(row)))
            for id_, (newest, *earlier) in versions.items():
                found[id_] = replace(found[id_], feed=newest, earlier=[one.body for one in earlier])
        if self.names and table == "canvas_user":
            for id_, *names in await self._fetch("names_known", list(found)):
                body = found[id_].body | {name: value for name, value in zip(_NAMES, names, strict=True) if value is not None}
                found[id_] = replace(found[id_], body=body)
        return found

    async def known_links(self, context: Context, outcome_ids: Collection[int]) -> list[Known]:
        """Links of some outcomes in a context, in any state. One deleted with its outcome counts as deleted by REST."""
        rows = await self._fetch("known_links", *context, list(outcome_ids))
        return [
            replace(link, body=link.body | {"workflow_state": "deleted"}, event_name=f"learning_outcome_link{BACKFILLED}")
            if row["deleted_with_outcome"]
            else link
            for row in rows
            for link in [known_of("learning_outcome_link", dict(row))]
        ]

    async def known_scale(self, context: Context) -> tuple[Known | None, int | None]:
        """The newest version of a context's own scale, and Canvas' id of it if the feed has told it."""
        rows = await self._fetch("known_scale", *context)
        return (known_of("outcome_proficiency", dict(rows[0])), rows[0]["canvas_id"]) if rows else (None, None)

    async def compare_standards(self, standards: Sequence[Standard], at: datetime) -> list[StandardComparison]:
        """Each standard against the version that held at the time of the request."""
        remote = json.dumps([standard.model_dump(mode="json") for standard in standards])
        return [
            StandardComparison(
                row["id"], row["known"], row["differs"], row["newer"], json.loads(row["ours"]), json.loads(row["canvas"])
            )
            for row in await self._fetch("standards_compared", remote, at)
        ]

    async def alignments(self, course_id: int) -> dict[AlignmentKey, KnownAlignment]:
        """The alignments of a course."""
        found = {}
        for row in await self._fetch("alignments_known", course_id):
            *state, newest_result = row
            key = (row["learning_outcome_id"], row["asset_type"], row["asset_id"])
            found[key] = KnownAlignment(AlignmentState(*state) if row["workflow_state"] is not None else None, newest_result)
        return found

    async def students_with_results(
        self, course_id: int, pairs: Collection[tuple[int, int]], students: Collection[str]
    ) -> dict[tuple[int, int], Sequence[str] | None]:
        """For alignments (outcome, assignment): some of these students, as `user_uuid`, who have an active result of it.

        None if nobody has one.
        """
        outcomes, assignments = [list(ids) for ids in zip(*pairs, strict=True)] or ([], [])
        rows = await self._fetch("alignments_students", course_id, outcomes, assignments, list(students))
        return {(row["learning_outcome_id"], row["assignment_id"]): row["students"] if row["results"] else None for row in rows}

    async def uuids(self, users: Collection[str]) -> set[str]:
        """Every `user_uuid` that results may have for these users, whom REST names by id, or by `uuid:` and the uuid."""
        known = await self.users(users)
        return {user_uuid(user, names) for user in users for names in (known, {})}

    async def users(self, user_ids: Iterable[str]) -> dict[str, str]:
        """User id -> uuid, of known users."""
        ids = sorted({int(id_) for id_ in user_ids if not id_.startswith("uuid:")})
        stored = {str(id_): uuid for id_, uuid in await self._fetch("users", ids)} if ids else {}
        return {str(id_): self._learnt[str(id_)] for id_ in ids if str(id_) in self._learnt} | stored

    async def user_ids(self, user_uuids: Collection[str]) -> dict[str, int]:
        """Uuid -> user id, of known users."""
        learnt = {uuid: int(id_) for id_, uuid in self._learnt.items() if uuid in user_uuids}
        return learnt | {row["user_uuid"]: row["user_id"] for row in await self._fetch("user_ids", list(user_uuids))}

    async def results_with_new_uuid(self, above: int, most: int) -> list[tuple[Known, str]]:
        """Results above this id whose student has become known, each with the uuid."""
        rows = await self._fetch("results_with_new_uuid", above, most)
        return [(known_of("learning_outcome_result", dict(row)), row["learnt"]) for row in rows]

    async def not_shown(self, table: str, context: Context, at: datetime, shown: Collection[int], *more: Any) -> list[Known]:
        """Active objects that Canvas did not show."""
        return [known_of(table, dict(row)) for row in await self._fetch(_NOT_SHOWN[table], *context, at, list(shown), *more)]

    async def unlinked_outcomes(self, context: Context, linked: Collection[int]) -> list[int]:
        """Active outcomes of a context without a link in it."""
        return [row["id"] for row in await self._fetch("outcomes_unlinked", *context, list(linked))]

    async def rollups(self, course_id: int, students: Collection[str], at: datetime) -> dict[tuple[str, int], float | None]:
        """Scores by student and outcome."""
        rows = await self._fetch("rollups", course_id, list(students), at)
        return {(row["user_uuid"], row["learning_outcome_id"]): row["score"] for row in rows}

    async def account_level_scales(self) -> bool:
        """Whether our rollups use account-level scales."""
        return bool((await self._fetch("account_level"))[0][0])

    async def gone_users(self, course_id: int, enrolled: Collection[int], dropped: Collection[int], most: int) -> list[int]:
        """Users who have results or enrolments in a course, are not enrolled by now, and whom Canvas may have merged.

        `enrolled` and `dropped`: users whom Canvas shows with an enrolment in the course, the latter with deleted ones only.
        """
        rows = await self._fetch("users_gone", course_id, list(enrolled), list(dropped), most)
        return [row["user_id"] for row in rows]

    async def merged_users(self, user_ids: Collection[int]) -> list[int]:
        """Those of these users who count as merged into another one."""
        return [row["id"] for row in await self._fetch("users_merged", list(user_ids))]

    async def new_past_uuids(self, course_id: int, uuids: Collection[tuple[int, str]]) -> list[tuple[int, str]]:
        """Those that are not known yet."""
        ids, texts = map(list, zip(*uuids, strict=True))
        return [(row["user_id"], row["user_uuid"]) for row in await self._fetch("past_uuids_new", course_id, ids, texts)]

    async def due_rosters(self) -> set[int]:
        """Courses whose rosters a SIS import may have changed without events."""
        return {row["course_id"] for row in await self._fetch("rosters_due")}

    # What a backfill stores

    async def add_past_uuids(self, course_id: int, uuids: Collection[tuple[int, str]], at: datetime) -> None:
        """Stores uuids under which tools still know users."""
        ids, texts = map(list, zip(*uuids, strict=True))
        await self._fetch("past_uuids_add", course_id, ids, texts, at)

    async def add_roster_reading(self, course_id: int, at: datetime) -> None:
        """Canvas has shown the whole roster of a course."""
        await self._fetch("roster_reading_add", course_id, at)

    async def learn_users(self, users: Mapping[str, str], since: Mapping[str, datetime | None]) -> None:
        """Stores uuids by user id, each as of a moment, None for now; a dry run keeps them in this object."""
        if not self._writing:
            self._learnt.update(users)
        elif users:
            ids = list(users)
            await self._fetch("users_learn", list(map(int, ids)), [users[id_] for id_ in ids], [since[id_] for id_ in ids])

    async def add_alignments(
        self, course_id: int, states: Sequence[AlignmentState], compared_with: Sequence[datetime | None]
    ) -> None:
        """Adds states of alignments. `compared_with`: times of the states from which each was found to differ, if any."""
        columns = (*map(list, zip(*states, strict=True)), list(compared_with))

        async def write(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(sql("alignments_lock"))
                await connection.execute(sql("alignments_write"), self._tenant, course_id, self._source, *columns)

        await self._session.use(write)

    async def add_standards(self, standards: Sequence[Standard], at: datetime) -> None:
        """Adds states of grading standards."""
        await self._session.use(lambda connection: grading_standards.take_in(connection, standards, self._tenant, at))

    async def discard_unfinished(self, scope: str) -> None:
        """The next backfill of this scope starts from the beginning."""
        await self._fetch("run_discard", self._source, scope)

    async def begin_or_resume(self, scope: str) -> UnfinishedRun:
        """The unfinished backfill of this scope, else a new one."""
        resumed = True
        while not (rows := await self._fetch("run_unfinished", self._source, scope)):
            resumed = False
            await self._fetch("run_begin", self._source, scope)
        return UnfinishedRun(rows[0]["id"], rows[0]["begun_at"], frozenset(rows[0]["steps"]), resumed)

    async def finish_step(self, run_id: int, step: str) -> None:
        """All of the step is committed."""
        await self._session.fetch(sql("step_finish"), run_id, step)

    async def finish(self, run_id: int) -> None:
        """The next backfill starts from the beginning."""
        await self._session.fetch(sql("run_finish"), run_id)
