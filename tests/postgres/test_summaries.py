"""Kept summaries are always what is computed: after each kind of change alone, and beside writers, readers and a refresher."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from consumer.errors import Transient
from consumer.ingest.batch import Partition
from consumer.query.sql import sql
from consumer.store import summaries, tenant_setting
from consumer.store.postgres import Connection, connect
from consumer.store.retention import retain
from consumer.store.store import Store
from consumer.worker import summarizing
from consumer.worker.metrics import Metrics
from consumer.worker.outages import Outages
from consumer.worker.summarizing import Summarizing
from tests import WHOLE
from tests.acceptance.running import until
from tests.postgres.test_mastery_rules import SHARD
from tests.postgres.test_roster_rules import ANA, BO, CHI, Institution
from tests.postgres.test_rosters import CANVAS, by_rest
from tests.postgres.writing import TOPIC, write
from tests.samples import NOON, NOW, TENANT, event, iso
from tests.worlds import COURSES
from tests.worlds_people import Populated

PLACES = "SELECT p.* FROM unnest(ARRAY[7, 8, 9]) c CROSS JOIN LATERAL outcomes_internal.summary_parts($1, c) p ORDER BY c, 1"
DEE = 504
EVERYTHING = 1_000


async def refreshed(connection: Connection, tenant: str = TENANT) -> None:
    """Brings all summaries of a tenant up to date."""
    done = await summaries.refresh(connection, tenant, EVERYTHING)
    assert done is not None
    assert done.waiting == 0
    assert await stale(connection, tenant) == set()


async def stale(connection: Connection, tenant: str = TENANT) -> set[int]:
    """Courses of which nothing that is kept may be used."""
    rows = await connection.fetch("SELECT course_id FROM outcomes_internal.stale_courses($1)", tenant)
    return {row["course_id"] for row in rows}


class Place(Institution):
    """Courses 7 and 8 in account 2, below the root; of course 9 nobody tells the account. Each change below is one event."""

    async def begin(self) -> None:
        """Tells all of that, and who is enrolled."""
        await self.account(1, None)
        await self.account(2, 1)
        await self.account(3, 1)
        for course in (7, 8):
            await self.course(2, course)
        await self.scale(2, 1, 0, id_=3, scale=2)
        await self.outcome("latest")
        await self.link()
        for user in (ANA, BO, CHI):
            await self.user(user)
        for user in (ANA, BO):
            await self.enrol(user)
            await self.enrol(user, course=8, section=80)
        await self.section(70, 7)
        for id_, uuid, asset in ((1, "ana", 51), (2, "ana", 52), (3, "bo", 53), (4, "bo", 54), (5, "chi", 55), (6, "dee", 56)):
            await self.assessed(id_, uuid, asset)
        await self.assessed(7, "ana", 57, course=8)
        await self.assessed(8, "eve", 58, course=9)
        await self.assessed(10, "fay", 60)

    async def assessed(self, id_: int, user: str, asset: int, *, course: int = 7, percent: float | None = None) -> None:
        """A result by a rubric on an assignment; the later, the better."""
        place = {"result_context_id": str(course), "associated_asset_type": "Assignment", "associated_asset_id": str(asset)}
        await self.work(id_, percent or id_ / 10, user, artifact_id=str(60 + id_), **place)

    async def link(self, course: int = 7, state: str = "active") -> None:
        """The one link of outcome 1."""
        told = {"learning_outcome_link_id": "1", "learning_outcome_id": "1", "workflow_state": state}
        await self.tell("learning_outcome_link_updated", context_type="Course", context_id=str(course), **told)

    async def rubric(self) -> None:
        """What was assessed first was handed in last."""
        await self.tell("rubric_assessed", id="61", submitted_at=iso(NOON + timedelta(days=9)))

    async def submission(self) -> None:
        """What was assessed last was handed in first."""
        work = {"submission_id": str(SHARD + 1), "assignment_id": str(SHARD + 54), "user_id": str(SHARD + BO)}
        await self.tell("submission_updated", submitted_at=iso(NOON - timedelta(days=9)), **work)

    async def late(self) -> None:
        """An enrolment elsewhere, told late: the section has taken it along to course 7 since."""
        told = event("enrollment_updated", at=NOON, user_uuid=..., type="StudentEnrollment", workflow_state="deleted")
        told["body"] |= {"enrollment_id": str(SHARD + 99), "user_id": str(SHARD + CHI)}
        told["body"] |= {"course_id": str(SHARD + 8), "course_section_id": str(SHARD + 70)}
        await write(self.connection, told)

    async def alignment(self) -> None:
        """REST told that outcome 1 is no longer on the assignment of result 2."""
        await self.connection.execute(
            "INSERT INTO outcome_alignment_version (root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, "
            "workflow_state, event_time, source) VALUES ($1, 7, 1, 'Assignment', 52, 'deleted', $2, 'canvas:x')",
            TENANT,
            self.now(),
        )

    async def hint(self, minute: int, **metadata: str) -> None:
        """A request that says where it was made, and changes nothing else."""
        told = event("learning_outcome_group_created", at=NOON + timedelta(days=minute))
        told["metadata"] |= metadata
        await write(self.connection, told)

    async def switch(self, value: str) -> None:
        """Account-level scales on or off."""
        await tenant_setting.decide(self.connection, TENANT, "account_level_mastery_scales", value)

    async def other_code(self) -> None:
        """As a migration brings in another function."""
        async with self.connection.transaction():
            await self.connection.execute(
                "CREATE OR REPLACE FUNCTION outcomes_internal.levels_of(ratings jsonb) RETURNS TABLE "
                "(points double precision[], descriptions text[], colors text[], mastery boolean[]) LANGUAGE sql IMMUTABLE AS "
                "$$ SELECT ARRAY[1.0::float8], ARRAY['One'], ARRAY['00'], ARRAY[true] $$; "
                "UPDATE outcomes_internal.applied_file SET digest = 'another' WHERE name = 'outcomes_internal.levels_of'"
            )


ELSEWHERE: dict[str, Any] = {"course": 8, "enrollment_id": str(SHARD + BO * 1000 + 70), "course_section_id": str(SHARD + 80)}
COURSE_9 = {"context_type": "Course", "context_id": str(SHARD + 9), "context_account_id": str(SHARD + 3)}
BY_HAND = "UPDATE learning_outcome_version SET calculation_method = 'highest', calculation_int = NULL"
CHANGES: tuple[tuple[str, Callable[[Place], Awaitable[Any]]], ...] = (
    ("a result", lambda p: p.assessed(9, "bo", 59, course=8)),
    ("a result that moves here", lambda p: p.assessed(9, "bo", 59)),
    ("a result that moves away", lambda p: p.assessed(9, "bo", 59, course=8)),
    ("an assessment", lambda p: p.rubric()),
    ("a submission", lambda p: p.submission()),
    ("an outcome", lambda p: p.outcome("average")),
    ("a link that goes", lambda p: p.link(state="deleted")),
    ("a link that moves away", lambda p: p.link(course=8)),
    ("an enrolment that ends", lambda p: p.enrol(BO, "deleted")),
    ("an enrolment that begins", lambda p: p.enrol(BO)),
    ("an enrolment that moves away", lambda p: p.enrol(BO, **ELSEWHERE)),
    ("an enrolment that moves back", lambda p: p.enrol(BO)),
    ("an enrolment of a section", lambda p: p.late()),
    ("a section that moves away", lambda p: p.section(70, 8, "7")),
    ("a section that moves back", lambda p: p.section(70, 7)),
    ("a user who goes", lambda p: p.user(BO, state="deleted")),
    ("a user who is in another course again", lambda p: p.enrol(BO, course=10, section=100)),
    ("a uuid that has an owner", lambda p: p.user(DEE, "dee", state="deleted")),
    ("a merge", lambda p: p.merged(BO, CHI)),
    ("a user who was merged and is in another course again", lambda p: p.enrol(BO, course=10, section=101)),
    ("a scale of the root", lambda p: p.scale(8, 4, 1, 0)),
    ("a request that tells the account of a course", lambda p: p.hint(1, **COURSE_9)),
    ("a method", lambda p: p.method("highest", id_=2)),
    ("an account that moves", lambda p: p.account(2, 3)),
    ("a course that moves", lambda p: p.course(1)),
    ("a switch", lambda p: p.switch("off")),
    ("an alignment", lambda p: p.alignment()),
    ("a second uuid of a user", lambda p: p.user(ANA, "fay")),
    ("a reading of the roster", lambda p: p.reading(9)),
    ("a table that is emptied", lambda p: p.connection.execute("TRUNCATE roster_reading")),
    ("versions that are removed by hand", lambda p: p.connection.execute("DELETE FROM outcome_alignment_version")),
    ("versions that are changed by hand", lambda p: p.connection.execute(BY_HAND)),
    ("a function that is another one now", lambda p: p.other_code()),
)
"""Each changes a summary, and leaves a mark of its own kind."""


async def test_a_kept_summary_is_what_is_computed_after_each_kind_of_change(unchecked_database: str) -> None:
    """One change after all is up to date, so that nothing else can tell that a summary is no longer right."""
    connection = await connect(unchecked_database)
    place = Place(connection)
    await place.begin()
    for what, change in CHANGES:
        await refreshed(connection)
        before = await connection.fetch(PLACES, TENANT)
        await change(place)
        assert await connection.fetch(PLACES, TENANT) != before, f"{what} changes nothing"
        assert await connection.fetch(sql("check_summaries")) == [], what
    await connection.close()


async def test_what_only_requests_tell_of_the_root_account_counts_at_once(unchecked_database: str) -> None:
    """Where no event has told of an account: requests leave no mark, so readers ask for it."""
    connection = await connect(unchecked_database)
    place = Place(connection)
    await place.scale(2, 1, 0, id_=5)
    await place.scale(4, 3, 0, id_=6, scale=2)
    await place.outcome("latest")
    await place.work(1, 0.6, result_context_id="7")
    await place.hint(1, context_type="Account", root_account_id=str(SHARD + 5))
    await refreshed(connection)
    before = await connection.fetch(PLACES, TENANT)
    await place.hint(2, context_type="Account", root_account_id=str(SHARD + 6))
    assert await connection.fetch(PLACES, TENANT) != before
    assert await connection.fetch(sql("check_summaries")) == []
    await connection.close()


async def test_summaries_are_brought_up_to_date_in_one_moment_alone(unchecked_database: str) -> None:
    """What is committed meanwhile keeps its mark. In a transaction that sees each statement's own moment, it could lose it."""
    connection, other = await connect(unchecked_database), await connect(unchecked_database)
    place = Place(other)
    await place.outcome("latest")
    await place.work(1, 0.6, result_context_id="7")
    with pytest.raises(asyncpg.RaiseError, match="REPEATABLE READ"):
        await connection.fetch("SELECT * FROM outcomes_internal.refresh_summaries($1, 1)", TENANT)
    async with connection.transaction(isolation="repeatable_read"):
        await connection.fetchval("SELECT count(*) FROM learning_outcome_result")
        await place.work(2, 0.8, result_context_id="7")
        await connection.fetch("SELECT * FROM outcomes_internal.refresh_summaries($1, 1)", TENANT)
    assert await stale(connection) == {7}
    await refreshed(connection)
    assert await connection.fetch(sql("check_summaries")) == []
    await other.close()
    await connection.close()


async def test_what_a_summary_no_longer_depends_on_is_forgotten(unchecked_database: str) -> None:
    """Whoever was taken out of the projection is not named here either."""
    connection = await connect(unchecked_database)
    place = Place(connection)
    await place.begin()
    await refreshed(connection)
    known = "SELECT count(*) FROM outcomes_internal.summary_source WHERE kind = 'uuid' AND id = hashtextextended('dee', 0)"
    assert await connection.fetchval(known) == 1
    for table in ("learning_outcome_result", "learning_outcome_result_version"):
        await connection.execute(f"DELETE FROM {table} WHERE user_uuid = 'dee'")
    await refreshed(connection)
    assert await connection.fetchval(known) == 0
    assert await connection.fetch(sql("check_summaries")) == []
    await connection.close()


async def test_two_sessions_do_not_compute_the_same(unchecked_database: str) -> None:
    """One is at it; the other goes on with something else."""
    connection, other = await connect(unchecked_database), await connect(unchecked_database)
    await write(connection, event("learning_outcome_created", learning_outcome_id="1"))
    async with other.transaction(isolation="repeatable_read"):
        assert await other.fetch("SELECT * FROM outcomes_internal.refresh_summaries($1, 1)", TENANT)
        assert await summaries.refresh(connection, TENANT, 1) is None
    assert await summaries.refresh(connection, TENANT, 1) == (0, 0)
    await other.close()
    await connection.close()


async def test_history_that_is_retired_leaves_no_summary_that_may_be_used(unchecked_database: str) -> None:
    """No trigger tells of partitions that are swapped."""
    connection = await connect(unchecked_database)
    for year in (2022, 2023):
        told = event("learning_outcome_result_updated", at=f"{year}-05-01T00:00:00Z", result_context_id="7", score=year % 5)
        await write(connection, told)
    await refreshed(connection)
    assert await retain(connection, 2024, now=NOW)
    assert await stale(connection) == {7}
    await connection.close()


ACCOUNT = "SELECT * FROM account_outcome_summary($1, $2, $3) ORDER BY learning_outcome_id"


async def test_an_account_is_the_sum_of_its_courses(unchecked_database: str) -> None:
    """Of those below it too, without deleted ones; the same from kept summaries, from computed ones, and at that moment."""
    connection = await connect(unchecked_database)
    place = Place(connection)
    await place.begin()
    await place.course(3, 9)
    await place.assessed(11, "ana", 61, course=10)
    await place.tell("course_updated", course_id=str(SHARD + 10), account_id=str(SHARD + 2), workflow_state="deleted")
    computed = {account: await connection.fetch(ACCOUNT, TENANT, account, None) for account in (1, 2, 3)}
    await refreshed(connection)
    for account, courses in ((1, {7, 8, 9}), (2, {7, 8}), (3, {9})):
        (row,) = await connection.fetch(ACCOUNT, TENANT, account, None)
        parts = [dict(part) for part in await connection.fetch(PARTS, TENANT, sorted(courses))]
        assert [row] == computed[account] == await connection.fetch(ACCOUNT, TENANT, account, place.now())
        assert row["courses"] == len(parts) == len(courses)
        assert row["assessed"] == sum(part["assessed"] for part in parts)
        assert row["mastered"] == sum(part["mastered"] for part in parts)
        assert abs(row["mean"] - sum(part["mean"] * part["assessed"] for part in parts) / row["assessed"]) <= Decimal("0.005")
        assert row["scales"] == len({part["scale"] for part in parts})
        levels = json.loads(row["levels"])
        assert sum(level["count"] for level in levels) == sum(sum(part["counts"]) for part in parts)
        assert len(levels) == len({json.dumps(level, sort_keys=True) for part in parts for level in json.loads(part["levels"])})
        assert [level["points"] for level in levels] == sorted((level["points"] for level in levels), reverse=True)
    await connection.close()


PARTS = "SELECT p.* FROM unnest($2::bigint[]) c CROSS JOIN LATERAL outcomes_internal.summary_parts($1, c) p"


async def test_a_scale_of_more_levels_than_others_have_is_told_whole(unchecked_database: str) -> None:
    """Levels from the eleventh on are added up too."""
    connection = await connect(unchecked_database)
    place = Place(connection)
    await place.account(1, None)
    await place.outcome("latest")
    ratings = [
        {"description": f"Level {n}", "points": float(n), "mastery": n == 3, "color": "00", "workflow_state": "active"}
        for n in range(12, -1, -1)
    ]
    owner = {"outcome_proficiency_id": "1", "context_type": "Account", "context_id": "1"}
    await place.tell("outcome_proficiency_updated", outcome_proficiency_ratings=ratings, **owner)
    for id_, percent in ((1, 0.09), (2, 1.0)):
        await place.work(id_, percent, f"student {id_}", result_context_id="7")
    await refreshed(connection)
    (row,) = await connection.fetch(ACCOUNT, TENANT, 1, None)
    counts = {level["description"]: level["count"] for level in json.loads(row["levels"])}
    assert len(counts) == 13
    assert {name: count for name, count in counts.items() if count} == {"Level 12": 1, "Level 1": 1}
    await connection.close()


async def test_a_worker_with_nothing_to_write_keeps_summaries_up_to_date(
    unchecked_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it writes it takes in the marks alone."""
    monkeypatch.setattr(summarizing, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(summarizing, "BUSY_SECONDS", 0.01)
    connection = await connect(unchecked_database)
    place = Place(connection)
    await place.outcome("latest")
    await place.work(1, 0.6, result_context_id="7")
    store, outages = Store(unchecked_database, statement_seconds=10), Outages(Metrics())
    outages.health.waiting_for = None
    idle = asyncio.Event()
    running = asyncio.create_task(Summarizing(store, idle, outages).run())
    await until(lambda: _has_no_mark(connection))
    assert await stale(connection) == {7}
    idle.set()
    await until(lambda: _is_kept(connection))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()
    await connection.close()


async def _has_no_mark(connection: Connection) -> bool:
    return await connection.fetch("SELECT FROM outcomes_internal.summary_mark") == []


async def _is_kept(connection: Connection) -> bool:
    return not await stale(connection)


def batches(world: Populated) -> list[list[Any]]:
    """All that a world tells, in disorder, a few events at a time; what REST tells by itself."""
    events = world.events()
    world.chance.shuffle(events)
    parted = [[one for one in events if by_rest(one) == rest] for rest in (False, True)]
    return [told[start : start + 3] for told in parted for start in range(0, len(told), 3)]


async def told_by_hand(connection: Connection, world: Populated) -> None:
    """Alignments, readings of rosters and a switch, each a transaction of its own."""
    for course, outcome, assignment, state, moment in world.alignments():
        await connection.execute(
            "INSERT INTO outcome_alignment_version (root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, "
            "workflow_state, event_time, source) VALUES ($1, $2, $3, 'Assignment', $4, $5, $6, 'canvas:x')",
            world.tenant,
            *(course, outcome, assignment, state, moment),
        )
    for course, moment in world.readings():
        await connection.execute("INSERT INTO roster_reading VALUES ($1, $2, $3)", world.tenant, course, moment)
    for value in ("off", "on", "auto"):
        await tenant_setting.decide(connection, world.tenant, "account_level_mastery_scales", value)


@pytest.mark.parametrize("seed", range(300, 340 if WHOLE else 301))
async def test_kept_summaries_are_what_is_computed_beside_writers(unchecked_database: str, seed: int) -> None:
    """In any snapshot, beside two writers, somebody who decides and a refresher; then change by change."""
    world = Populated(seed)
    told = batches(world)
    last, told = told[:3], told[3:]
    connections = [await connect(unchecked_database) for _ in range(5)]
    used, done = 0, asyncio.Event()

    async def wrong(connection: Connection) -> list[Any]:
        nonlocal used
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            used += await connection.fetchval(USABLE, world.tenant)
            return await connection.fetch(sql("check_summaries"))

    async def writing(connection: Connection, share: list[list[Any]], partition: Partition) -> None:
        for events in share:
            await write(connection, *events, partition=CANVAS if by_rest(events[0]) else partition)

    async def refreshing(connection: Connection) -> None:
        while not done.is_set():
            with suppress(Transient):
                await summaries.refresh(connection, world.tenant, random.choice((1, 2, EVERYTHING)))

    async def reading(connection: Connection) -> None:
        while not done.is_set():
            assert await wrong(connection) == []

    beside = [asyncio.create_task(refreshing(connections[2])), asyncio.create_task(reading(connections[3]))]
    canvas = [events for events in told if by_rest(events[0])]
    feed = [events for events in told if not by_rest(events[0])]
    await asyncio.gather(
        writing(connections[0], [*feed[::2], *canvas], TOPIC),
        writing(connections[1], feed[1::2], Partition("topic", 1)),
        told_by_hand(connections[4], world),
    )
    done.set()
    await asyncio.gather(*beside)
    for one in (told for events in last for told in events):
        await refreshed(connections[2], world.tenant)
        await write(connections[0], one)
        assert await wrong(connections[3]) == [], one
    assert used > len(COURSES)
    for connection in connections:
        await connection.close()


USABLE = """
SELECT count(*)
  FROM outcomes_internal.summary_course c
 WHERE c.root_account_uuid = $1 AND c.course_id NOT IN (SELECT s.course_id FROM outcomes_internal.stale_courses($1) s)
"""
