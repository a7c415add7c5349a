"""What a feed, or somebody with a login, cannot do to the database."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from consumer.canvas.sql import sql as canvas_sql
from consumer.errors import Fatal
from consumer.ingest import batch as batches
from consumer.ingest.batch import Books, Partition
from consumer.ingest.decode import Rules
from consumer.ingest.elements import Elements
from consumer.query import status
from consumer.query.sql import sql as read_sql
from consumer.store import quarantine, schema
from consumer.store.counts import MAX_NAMES
from consumer.store.postgres import Connection, connect
from consumer.store.sql import sql
from migrations import HEAD
from tests.postgres.writing import books, write
from tests.samples import NOW, Event, event, payload, result


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """Closed where the test fails too."""
    opened = await connect(database)
    yield opened
    await opened.close()


def named(name: str) -> Event:
    """An event of another name."""
    return {"metadata": {"event_name": name, "event_time": "2025-03-20T12:00:00Z"}, "body": {}}


async def counts(connection: Connection, statement: str) -> dict[str, int]:
    """Name -> number."""
    return dict([tuple(row) for row in await connection.fetch(statement)])


async def test_a_feed_that_invents_event_names_does_not_fill_the_table(database: str, connection: Connection) -> None:
    """Beyond the bound they count as one; what was known stays apart, the heartbeat always does, and the books are exact."""
    first = [named("quiz_submitted"), *(named(f"a{number:05}") for number in range(MAX_NAMES - 5))]
    await write(database, *first)
    await write(database, *(named(f"b{number:05}") for number in range(20)), named("quiz_submitted"))
    await write(database, *(named(f"c{number:05}") for number in range(2000)), payload("heartbeat"), None, named("a@b"))
    await write(database, named("another"), partition=Partition("topic", 1))
    found = await counts(connection, "SELECT event_name, events FROM ignored_event WHERE partition = 0")
    assert len(found) == MAX_NAMES + 4
    assert {name: found[name] for name in ("quiz_submitted", "heartbeat", "(tombstone)", "(personal)")} == {
        "quiz_submitted": 2,
        "heartbeat": 1,
        "(tombstone)": 1,
        "(personal)": 1,
    }
    assert found["(others)"] == 20 + 2000 - 4
    assert await counts(connection, "SELECT event_name, events FROM ignored_event WHERE partition = 1") == {"another": 1}
    assert (await books(connection)).ignored == sum(found.values()) + 1


async def test_a_feed_that_invents_members_does_not_fill_the_drift_report(database: str, connection: Connection) -> None:
    """Beyond the bound they count as one of their event; what was known stays apart."""
    for number in range(12):
        told = result(number + 1, grade_level=1)
        told["body"] |= {f"m{number:02}_{index:02}": 0 for index in range(60)}
        await write(database, told)
    await write(database, event("course_updated", zone=1))
    found = await counts(connection, "SELECT event_name || ' ' || member, events FROM unknown_member")
    name = "learning_outcome_result_updated"
    assert len(found) == MAX_NAMES + 2
    assert found[f"{name} grade_level"] == 12
    assert found[f"{name} (others)"] == 12 * 60 + 1 - MAX_NAMES
    assert found["course_updated (others)"] == 1


async def test_the_bytes_of_a_record_go_when_it_is_settled(database: str, connection: Connection) -> None:
    """Discarded, or understood later; what is still open keeps them."""
    await write(database, b"{secret", event("course_created", tenant=None), b"[secret")
    first, second, third = await quarantine.listed(connection, states=("open",), reason=None, limit=10)
    assert first["bytes"] == len(b"{secret")
    await quarantine.discard(connection, [first["id"]])
    assert (await quarantine.retry(connection, Rules(default_tenant="school"), NOW)).understood == 1
    rows = await connection.fetch("SELECT id, state, length(raw) FROM quarantine ORDER BY id")
    assert [tuple(row) for row in rows] == [
        (first["id"], "discarded", 0),
        (second["id"], "retried", 0),
        (third["id"], "open", len(b"[secret")),
    ]
    assert (await quarantine.shown(connection, first["id"]))["raw"] is None
    assert (await quarantine.shown(connection, third["id"]))["raw"] == b"[secret"
    listed = await quarantine.listed(connection, states=quarantine.STATES, reason=None, limit=10)
    assert [row["bytes"] for row in listed] == [None, None, len(b"[secret")]


async def test_discarding_goes_on_to_the_last_record(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some at a time, in one transaction."""
    monkeypatch.setattr(quarantine, "DISCARD_CHUNK", 3)
    await write(database, *[b"{"] * 10)
    assert await quarantine.discard(connection, None) == 10
    assert await books(connection) == Books(quarantined=10)


async def open_by_reason(connection: Connection) -> dict[str, int]:
    """As `status` tells it."""
    return {row["reason"]: row["records"] for row in (await status.status(connection, schema=HEAD)).quarantine or ()}


async def test_status_knows_what_is_open_whatever_happens_to_it(database: str, connection: Connection) -> None:
    """It is tallied by whoever sets aside, retries or discards, and counted by nobody."""
    await write(database, b"{", b"{", event("course_created", tenant=None), event("course_created", tenant=None))
    assert await open_by_reason(connection) == {"not_json": 2, "no_tenant": 2}
    await quarantine.retry(connection, Rules(default_tenant="school"), NOW, reason="no_tenant")
    assert await open_by_reason(connection) == {"not_json": 2}
    await quarantine.discard(connection, None)
    assert await open_by_reason(connection) == {}
    await write(database, result(1, score="five"))
    await connection.execute("UPDATE quarantine SET reason = 'bad_type' WHERE state = 'open'")
    assert await open_by_reason(connection) == {"bad_type": 1}


async def test_two_writers_set_aside_without_waiting_for_each_other(database: str, connection: Connection) -> None:
    """A tally that is one row for all would be a queue for all."""
    other = await connect(database)
    columns = "source, partition, position, reason, path, message, raw"
    add = f"INSERT INTO quarantine ({columns}) VALUES ('t', $1, 1, 'not_json', '', '', '')"
    async with connection.transaction():
        await connection.execute(add, 0)
        async with asyncio.timeout(5):
            await other.execute(add, 1)
    assert await open_by_reason(connection) == {"not_json": 2}
    await connection.execute("DELETE FROM quarantine")
    assert await open_by_reason(connection) == {}
    await other.close()


def _scanned(plan: dict[str, Any]) -> list[str]:
    here = [plan["Relation Name"]] if plan["Node Type"] in ("Seq Scan", "Bitmap Heap Scan") else []
    return here + [name for inner in plan.get("Plans", ()) for name in _scanned(inner)]


@pytest.mark.parametrize("reason", [None, "bad_id"])
async def test_neither_status_nor_list_reads_all_of_quarantine(unchecked_database: str, reason: str | None) -> None:
    """However many records there are, and however rare the reason is."""
    connection = await connect(unchecked_database)
    await connection.execute(
        "INSERT INTO quarantine (source, partition, position, reason, path, message, raw) "
        "SELECT 'topic', 0, n, CASE WHEN n % 9000 = 0 THEN 'bad_id' ELSE 'not_json' END, '', '', repeat('x', 300)::bytea "
        "FROM generate_series(1, 20000) n"
    )
    listing = (await connection.prepare(sql("quarantine_list"))).explain(["open"], reason, 100, None)
    plans = [await (await connection.prepare(read_sql("status_quarantine"))).explain(), await listing]
    for plan in plans:
        assert "quarantine" not in _scanned(plan[0]["Plan"]), json.dumps(plan)
    await connection.close()


async def test_a_year_gets_its_partition_while_a_stranger_holds_every_advisory_lock(
    database: str, connection: Connection
) -> None:
    """Every login can hold those, and for ever."""
    stranger = await connect(database)
    await stranger.execute("SELECT pg_advisory_lock(hashtextextended('outcomes.version_partitions', 0))")
    assert await connection.fetchval(sql("make_version_partitions"), [2021]) == [2021]
    await write(database, event("learning_outcome_result_updated", at="2022-05-01T00:00:00Z", id="1"))
    assert await connection.fetchval("SELECT tableoid::regclass::text FROM learning_outcome_result_version") == (
        "learning_outcome_result_version_y2022"
    )
    await stranger.close()


@pytest.mark.parametrize("role", ["outcomes_reader", "outcomes_writer"])
async def test_what_partitions_are_made_with_is_the_owners_to_lock(connection: Connection, role: str) -> None:
    """Whoever could hold it would keep years from getting their partitions."""
    for table in ("learning_outcome_result_version", "rubric_assessment_version"):
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {role}")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with connection.transaction():
                    await connection.execute(f"LOCK TABLE ONLY {table} IN SHARE UPDATE EXCLUSIVE MODE")


async def test_the_turn_of_alignments_is_a_writers_and_nobody_elses(connection: Connection) -> None:
    """A reader cannot keep a backfill waiting."""
    for role, may in (("outcomes_writer", True), ("outcomes_reader", False)):
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {role}")
            if may:
                await connection.execute(canvas_sql("alignments_lock"))
                continue
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with connection.transaction():
                    await connection.execute(canvas_sql("alignments_lock"))


async def test_a_migration_names_who_keeps_it_waiting_and_gives_up(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lock can be held by anybody: process, user and application are told, at once and at the end."""
    monkeypatch.setattr(schema, "PATIENCE_SECONDS", 0.5)
    stranger = await connect(database, application="somebody's tool")
    pid = await stranger.fetchval("SELECT pg_backend_pid()")
    await stranger.execute("SELECT pg_advisory_lock($1)", 0x6F757463)
    with (
        capture_logs() as lines,
        pytest.raises(Fatal, match=rf"pid {pid}, user .*, application somebody's tool, connected since 20.*end that session"),
    ):
        await schema.migrate(database)
    assert [line for line in lines if f"pid {pid}" in str(line)]
    await stranger.close()
    assert await schema.migrate(database) == schema.Migrated(HEAD, HEAD)


ADDED_ONLY = {"stream_gap", "backfill_step", "grading_standard_use", "roster_reading", "unknown_value"}
READ_ONLY = {"alembic_version", "retired_version"}


async def test_the_writer_has_no_right_that_its_work_does_not_need(connection: Connection) -> None:
    """Not the schema's version, no view, no partition, no version's past, no TRUNCATE and no tokens."""
    found = await connection.fetch(
        """
        SELECT c.relname, c.relkind::text, c.relispartition, array_agg(a.privilege_type::text) AS rights
          FROM pg_class c, aclexplode(c.relacl) a
         WHERE c.relnamespace = 'outcomes'::regnamespace AND a.grantee IN ('outcomes_writer'::regrole, 0)
         GROUP BY 1, 2, 3
        """
    )
    assert len(found) > 40
    for row in found:
        name = row["relname"]
        added = name.endswith("_version") or name in ADDED_ONLY
        readable = row["relkind"] == "v" or row["relispartition"] or name in READ_ONLY
        if name == "person_name":  # names go when OUTCOMES_PEOPLE no longer wants them
            row["rights"].remove("DELETE")
        allowed = {"SELECT"} if readable else {"SELECT", "INSERT"} if added else {"SELECT", "INSERT", "UPDATE"}
        assert set(row["rights"]) <= allowed, name
    assert not {"api_token", "access_grant", "access_session", "access_log"} & {row["relname"] for row in found}
    await connection.execute("SET ROLE outcomes_writer")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("UPDATE alembic_version SET version_num = '0001'")
    callable_ = await connection.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace::regnamespace::text LIKE 'outcomes%' AND prosecdef "
        "AND has_function_privilege('outcomes_writer', oid, 'EXECUTE') ORDER BY 1"
    )
    assert [row["proname"] for row in callable_] == [
        "lock_suppressions",
        "look_at_suppressions",
        "make_version_partitions",
        "remove_names",
        "suppress",
    ]


async def test_a_record_of_many_bad_events_keeps_its_bytes_once(database: str, connection: Connection) -> None:
    """Not a copy of the whole for each of them."""
    bad = json.dumps([{"metadata": {"event_name": "course_created"}, "body": {"n": number}} for number in range(3000)]).encode()
    assert await write(database, bad) == Books(quarantined=3000)
    assert await connection.fetchval("SELECT sum(length(raw)) FROM quarantine") <= len(bad)


async def test_many_refused_rows_of_one_record_are_cut_out_of_it_at_one_reading(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record of four megabytes must not be read again for each of its rows that the database refuses."""
    readings = []

    class Counted(Elements):
        def __init__(self, raw: bytes) -> None:
            readings.append(len(raw))
            super().__init__(raw)

    monkeypatch.setattr(batches, "Elements", Counted)
    await connection.execute("ALTER TABLE learning_outcome_result ADD CONSTRAINT no_thirteen CHECK (score <> 13)")
    assert await write(database, [result(id_, score=13) for id_ in range(1, 9)]) == Books(quarantined=8)
    assert len(readings) <= 1
