"""What was set aside can be tried again, once, and looked at."""

import json
from datetime import timedelta

import pytest

from consumer.errors import UsageError
from consumer.ingest.batch import Books, Partition
from consumer.ingest.decode import Rules
from consumer.store import quarantine
from consumer.store.postgres import connect
from tests.postgres.writing import books, write
from tests.samples import NOON, NOW, RULES, event, result

DEFAULT_TENANT = Rules(default_tenant="school")


async def test_a_record_that_is_understood_now_is_applied_once(database: str) -> None:
    """And the books move from quarantined to what it became."""
    told = [event("course_created", tenant=None), event("course_created", tenant=None), result(1), None]
    assert await write(database, *told) == Books(applied=1, ignored=1, quarantined=2)
    connection = await connect(database)
    first = await quarantine.retry(connection, DEFAULT_TENANT, NOW)
    assert first == quarantine.Retried(understood=2, still=0, books=Books(applied=1, duplicate=1))
    again = await quarantine.retry(connection, DEFAULT_TENANT, NOW)
    assert again == quarantine.Retried(0, 0, Books())
    assert await books(connection) == Books(applied=2, duplicate=1, ignored=1)
    assert await connection.fetchval("SELECT count(*) FROM course WHERE root_account_uuid = 'school'") == 1
    row = await connection.fetchrow("SELECT source, partition, position FROM course_version")
    assert row is not None
    assert tuple(row) == ("topic", 0, 0)
    await connection.close()


async def test_a_record_that_is_still_not_understood_stays(database: str) -> None:
    """Open, in today's words; the others are applied."""
    await write(database, result(1, score="five"), event("course_created", tenant=None))
    connection = await connect(database)
    assert await quarantine.retry(connection, DEFAULT_TENANT, NOW) == quarantine.Retried(1, 1, Books(applied=1))
    rows = await quarantine.listed(connection, states=quarantine.STATES, reason=None, limit=10)
    assert [(row["reason"], row["state"]) for row in rows] == [("bad_number", "open"), ("no_tenant", "retried")]
    await connection.close()


async def test_an_array_that_could_not_be_read_becomes_its_elements(database: str) -> None:
    """One record in the books becomes several events: good ones, an ignored one, and one that is set aside alone."""
    bad = result(3, score="five")
    array = [result(1), result(2), bad, {"metadata": {"event_name": "quiz_submitted"}, "body": {}}]
    from consumer.ingest.batch import Batch
    from consumer.ingest.decode import decode
    from consumer.store.writer import Writer
    from tests.samples import raw

    small = Rules(max_record_bytes=1000)
    connection = await connect(database)
    batch = Batch()
    batch.add(decode(raw(array), small, NOW))
    batch.advance(Partition("topic", 0), 0, 1)
    writer = Writer(connection)
    await writer.open_position(Partition("topic", 0), 0)
    await writer.write(batch)
    assert await books(connection) == Books(quarantined=1)
    assert await quarantine.retry(connection, RULES, NOW) == quarantine.Retried(
        1, 0, Books(applied=2, ignored=1, quarantined=1)
    )
    assert await books(connection) == Books(applied=2, ignored=1, quarantined=1)
    (left,) = await quarantine.listed(connection, states=("open",), reason="bad_number", limit=10)
    assert json.loads((await quarantine.shown(connection, left["id"]))["raw"]) == bad
    await connection.close()


async def test_a_row_that_the_database_still_refuses_stays_and_its_mates_are_applied(database: str) -> None:
    """Found by trying one by one."""
    connection = await connect(database)
    await connection.execute("ALTER TABLE learning_outcome_result ADD CONSTRAINT no_thirteen CHECK (score <> 13)")
    await connection.execute("ALTER TABLE learning_outcome_result ADD CONSTRAINT no_fourteen CHECK (score <> 14)")
    told = [result(id_, score=13 if id_ % 2 else 14) for id_ in range(1, 9)]
    assert await write(database, *told) == Books(quarantined=8)
    await connection.execute("ALTER TABLE learning_outcome_result DROP CONSTRAINT no_fourteen")
    assert await quarantine.retry(connection, RULES, NOW) == quarantine.Retried(4, 4, Books(applied=4))
    assert await quarantine.retry(connection, RULES, NOW) == quarantine.Retried(0, 4, Books())
    await connection.close()


async def test_an_event_of_the_future_is_understood_when_its_time_has_come(database: str) -> None:
    """Nothing is lost by a wrong clock."""
    await write(database, event("course_created", at=NOW + timedelta(days=3)))
    connection = await connect(database)
    assert (await quarantine.retry(connection, RULES, NOW)).still == 1
    assert (await quarantine.retry(connection, RULES, NOW + timedelta(days=3))).understood == 1
    await connection.close()


async def test_retrying_can_be_limited_to_ids_or_a_reason(database: str) -> None:
    """The others are not touched."""
    await write(database, event("course_created", tenant=None), event("course_updated", tenant=None), b"{")
    connection = await connect(database)
    rows = await quarantine.listed(connection, states=("open",), reason=None, limit=10)
    assert (await quarantine.retry(connection, DEFAULT_TENANT, NOW, ids=[rows[1]["id"]])).understood == 1
    assert (await quarantine.retry(connection, DEFAULT_TENANT, NOW, reason="not_json")) == quarantine.Retried(0, 1, Books())
    assert (await quarantine.retry(connection, DEFAULT_TENANT, NOW, reason="no_tenant")).understood == 1
    await connection.close()


async def test_a_discarded_record_stays_in_the_books(database: str) -> None:
    """A person decided; nothing is deleted, and it is not tried again."""
    await write(database, b"{", b"[")
    connection = await connect(database)
    rows = await quarantine.listed(connection, states=("open",), reason=None, limit=10)
    ids = [row["id"] for row in rows]
    assert await quarantine.discard(connection, [ids[0], ids[0]]) == 1
    assert (await quarantine.retry(connection, RULES, NOW)).still == 1
    assert await books(connection) == Books(quarantined=2)
    await connection.close()


async def test_discarding_can_be_limited_to_a_reason_and_a_source(database: str) -> None:
    """Only open records that match all that was named are discarded; nothing named means all that are open."""
    for source in ("one", "two"):
        await write(database, b"{", event("course_created", tenant=None), b"[", partition=Partition(source, 0))
    connection = await connect(database)
    assert await quarantine.discard(connection, None, reason="not_json", source="one") == 2
    assert await quarantine.discard(connection, None, reason="not_json", source="one") == 0
    assert await quarantine.discard(connection, None, source="three") == 0
    assert await quarantine.discard(connection, []) == 0
    assert (await quarantine.retry(connection, DEFAULT_TENANT, NOW, source="one")).understood == 1
    left = await quarantine.listed(connection, states=("open",), reason=None, limit=10)
    assert [(row["source"], row["reason"]) for row in left] == [("two", "not_json"), ("two", "no_tenant"), ("two", "not_json")]
    assert await quarantine.discard(connection, None, reason="no_tenant") == 1
    assert await quarantine.discard(connection, None) == 2
    states = await connection.fetch("SELECT state, count(*) FROM quarantine GROUP BY state ORDER BY state")
    assert [tuple(row) for row in states] == [("discarded", 5), ("retried", 1)]
    assert await books(connection) == Books(applied=1, quarantined=5)
    await connection.close()


async def test_records_can_be_listed_by_source(database: str) -> None:
    """Only records of the source that was named are listed, and a source that no record has is known as such."""
    await write(database, b"{", partition=Partition("one", 0))
    await write(database, b"{", partition=Partition("file:abc", 0))
    connection = await connect(database)
    rows = await quarantine.listed(connection, states=("open",), reason="not_json", limit=10, source="file:abc")
    assert [row["source"] for row in rows] == ["file:abc"]
    assert await quarantine.has_source(connection, "file:abc")
    assert not await quarantine.has_source(connection, "file:ab")
    await connection.close()


async def test_a_retried_record_moves_freshness_forward_and_never_back(database: str) -> None:
    """The newest event_time of what is understood now counts for its own partition, unless a newer one was known."""
    other = Partition("topic", 1)
    times = "SELECT last_event_time FROM stream_position ORDER BY partition"
    await write(database, result(1), event("course_created", tenant=None, at=NOON + timedelta(minutes=5)))
    await write(database, event("course_created", tenant=None, at=NOON + timedelta(minutes=7)), partition=other)
    connection = await connect(database)
    assert [row[0] for row in await connection.fetch(times)] == [NOON, None]
    assert (await quarantine.retry(connection, RULES, NOW)).still == 2
    assert [row[0] for row in await connection.fetch(times)] == [NOON, None]
    assert (await quarantine.retry(connection, DEFAULT_TENANT, NOW)).understood == 2
    assert [row[0] for row in await connection.fetch(times)] == [NOON + timedelta(minutes=5), NOON + timedelta(minutes=7)]
    await write(database, event("course_created", tenant=None, at=NOON - timedelta(days=1)))
    assert (await quarantine.retry(connection, DEFAULT_TENANT, NOW)).understood == 1
    assert await connection.fetchval(times) == NOON + timedelta(minutes=5)
    await connection.close()


async def test_a_retry_that_dies_in_the_middle_has_done_nothing(database: str) -> None:
    """Versions, books and the record's new state are one transaction."""
    await write(database, event("course_created", tenant=None))
    connection = await connect(database)
    await connection.execute("ALTER TABLE stream_position ADD CONSTRAINT stop CHECK (quarantined = 1)")
    with pytest.raises(Exception, match="stop"):
        await quarantine.retry(connection, DEFAULT_TENANT, NOW)
    assert await connection.fetchval("SELECT count(*) FROM course_version") == 0
    assert await connection.fetchval("SELECT state FROM quarantine") == "open"
    await connection.execute("ALTER TABLE stream_position DROP CONSTRAINT stop")
    assert (await quarantine.retry(connection, DEFAULT_TENANT, NOW)).understood == 1
    await connection.close()


async def test_a_record_that_is_not_there_is_named(database: str) -> None:
    """In one sentence."""
    connection = await connect(database)
    with pytest.raises(UsageError, match="no record 7"):
        await quarantine.shown(connection, 7)
    await connection.close()


async def test_ids_that_are_not_open_are_named_and_nothing_is_changed(database: str) -> None:
    """Neither by discarding nor by retrying."""
    await write(database, event("course_created", tenant=None))
    connection = await connect(database)
    id_ = await connection.fetchval("SELECT id FROM quarantine")
    with pytest.raises(UsageError, match="not open in quarantine: 998, 999; nothing was changed"):
        await quarantine.discard(connection, [id_, 999, 998])
    with pytest.raises(UsageError, match="not open in quarantine: 999; nothing was changed"):
        await quarantine.retry(connection, DEFAULT_TENANT, NOW, ids=[id_, 999])
    assert await connection.fetchval("SELECT state FROM quarantine") == "open"
    assert (await quarantine.retry(connection, DEFAULT_TENANT, NOW, ids=[id_])).understood == 1
    with pytest.raises(UsageError, match="not open in quarantine"):
        await quarantine.retry(connection, DEFAULT_TENANT, NOW, ids=[id_])
    await connection.close()


async def test_large_records_are_retried_without_taking_them_all_at_once(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few in one transaction; all of them in the end."""
    monkeypatch.setattr(quarantine, "CHUNK_BYTES", 1500)
    await write(database, *[event("course_created", tenant=None, course_id=str(id_)) for id_ in range(1, 8)])
    connection = await connect(database)
    assert await quarantine.retry(connection, DEFAULT_TENANT, NOW) == quarantine.Retried(7, 0, Books(applied=7))
    await connection.close()
