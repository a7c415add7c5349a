"""What unknown members of results say is kept where only the writer sees it."""

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson
import pytest

from consumer.canvas.projection import Projection, Session
from consumer.ingest.tables import TABLES
from consumer.query import explain, history, status
from consumer.query.verify import verify
from consumer.store.dry_run import DryRunWriter, create_dry_run_tables
from consumer.store.postgres import Connection, connect
from consumer.store.retention import retain
from consumer.store.retrying import StoppableRetry
from migrations import HEAD
from tests.postgres.writing import TOPIC, batch_of, projection, write
from tests.samples import NOW, TENANT, Event, accepted, event, result

LOGIN = "jane.doe@school.edu"
PRIVATE = [name for name, table in TABLES.items() if table.private]


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """Closed where the test fails too."""
    opened = await connect(database)
    yield opened
    await opened.close()


def assessed(**members: Any) -> Event:
    """A rubric assessment."""
    return event("rubric_assessed", **members)


async def kept(connection: Connection) -> list[tuple[Any, ...]]:
    """All rows of the private table."""
    found = await connection.fetch("SELECT table_name, id, version_hash, members FROM outcomes.unknown_value ORDER BY 1, 2, 3")
    return [(*row[:3], json.loads(row[3])) for row in found]


async def test_what_unknown_members_of_results_say_is_in_nobodys_sight(database: str, connection: Connection) -> None:
    """Neither in the tables nor in what commands show; a later version can learn it, and no hash has moved."""
    told = [result(1, login=LOGIN, nested={"login": [LOGIN]}), assessed(login=LOGIN)]
    await write(database, *told, event("course_updated", login="kept in extra"))
    expected = [(one.table.name, one.key.id, one.key.version_hash, json.loads(one.extra or "")) for one in map(accepted, told)]
    assert await kept(connection) == sorted(expected)
    for table in ("learning_outcome_result", "rubric_assessment"):
        for name in (table, f"{table}_version", f"{table}_history"):
            shown = [str(row) for row in await connection.fetch(f"SELECT * FROM {name}")]
            assert len(shown) == 1
            assert LOGIN not in shown[0]
    for kind, id_ in (("result", 1), ("rubric_assessment", expected[1][1])):
        states = await history.history(connection, kind, id_, None)
        versions = await explain.explain(connection, kind, id_, None)
        assert LOGIN not in str(orjson.dumps([states.as_json(), versions.as_json()]))
    assert await connection.fetchval("SELECT extra ->> 'login' FROM course") == "kept in extra"


async def test_a_reader_cannot_read_them(database: str, connection: Connection) -> None:
    """Nor can the writer change what is kept."""
    await write(database, result(1, login=LOGIN))
    for role, statement in (
        ("outcomes_reader", "SELECT FROM unknown_value"),
        ("outcomes_writer", "UPDATE unknown_value SET members = '{}'"),
        ("outcomes_writer", "DELETE FROM unknown_value"),
    ):
        await connection.execute(f"SET ROLE {role}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
        await connection.execute("RESET ROLE")


async def test_any_order_and_repetition_keeps_the_same(database: str, another_database: str, connection: Connection) -> None:
    """The law holds of them as of the versions that they belong to."""
    told = [result(1, login="a"), result(1, login="b"), result(1), result(1, minute=1, login="a"), assessed(login="c")]
    await write(database, *told)
    for order in itertools.islice(itertools.permutations(told), 0, None, 23):
        await write(another_database, *order)
    other = await connect(another_database)
    assert await kept(other) == await kept(connection)
    assert len(await kept(other)) == 4
    assert await projection(other) == await projection(connection)
    await other.close()


@pytest.mark.parametrize("table", [table for table in PRIVATE if TABLES[table].model.events != ()])
async def test_whoever_writes_they_go_there(database: str, connection: Connection, table: str) -> None:
    """Workers of the code before, and people, write `extra`: the tables themselves take it out."""
    model = TABLES[table].model
    await write(database, event((model.events or (f"{table}_created",))[0]))
    for name in (table, f"{table}_version"):
        await connection.execute(f"UPDATE {name} SET extra = $1", json.dumps({"login": LOGIN}))
        assert await connection.fetchval(f"SELECT count(*) FROM {name} WHERE extra IS NULL") == 1
    assert [row[0] for row in await kept(connection)] == [table]


async def test_a_dry_run_keeps_none(database: str, connection: Connection) -> None:
    """It changes nothing."""
    trying = await connect(database)
    await create_dry_run_tables(trying)
    writer = DryRunWriter(trying)
    await writer.open_position(TOPIC, 0)
    await writer.write(batch_of([result(1, login=LOGIN)]))
    assert await kept(connection) == []
    await trying.close()


async def test_they_go_with_the_versions_that_are_retired(database: str, connection: Connection) -> None:
    """Of the version that stays they stay."""
    old = [
        event("learning_outcome_result_updated", at=f"2023-0{month}-01T00:00:00Z", id="1", login=month) for month in (1, 2, 3)
    ]
    await write(database, *old, event("rubric_assessed", at="2023-01-01T00:00:00Z", login=4))
    await retain(connection, 2024, now=NOW)
    assert [row[3] for row in await kept(connection)] == [{"login": 3}, {"login": 4}]


async def test_status_tells_how_many_there_are(database: str, connection: Connection) -> None:
    """Of each table, and for people in words; readers are not told."""
    await write(database, *[result(id_, login=LOGIN) for id_ in range(1, 4)], assessed(login=LOGIN))
    found = await status.status(connection, schema=HEAD)
    assert found.as_json()["unknown_values"] == [
        {"table": "learning_outcome_result", "versions": 3},
        {"table": "rubric_assessment", "versions": 1},
    ]


async def test_verify_tells_what_is_in_sight_and_what_belongs_to_nothing(unchecked_database: str) -> None:
    """Each is a sentence."""
    await write(unchecked_database, result(1), result(2, login=LOGIN))
    connection = await connect(unchecked_database)
    await connection.execute("ALTER TABLE learning_outcome_result DISABLE TRIGGER USER")
    await connection.execute("UPDATE learning_outcome_result SET extra = '{}' WHERE id = 1")
    await connection.execute("UPDATE unknown_value SET version_hash = 0")
    (failed,) = [check for check in (await verify(connection)).checks if "unknown members" in check.promise and check.failures]
    assert sorted(sentence.partition(": ")[2] for sentence in failed.examples) == [
        "values of unknown members and no such version",
        "values of unknown members in readers' sight",
    ]
    await connection.close()


async def told(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    """Rows."""
    return [tuple(row) for row in await connection.fetch(statement)]


async def test_every_private_table_has_the_trigger_and_no_other_has(connection: Connection) -> None:
    """What `private` says of a table in the code is done in the database."""
    triggers = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'keep_unknown_values' AND tgparentid = 0"
    found = await told(connection, triggers)
    assert sorted(name for (name,) in found) == sorted(name for table in PRIVATE for name in (table, f"{table}_version"))


async def test_what_rest_does_not_tell_is_taken_over_from_them_too(database: str) -> None:
    """A version that a backfill adds says what the version before said in members that no model knows."""
    await write(database, result(1, login=LOGIN))
    session = Session(database, StoppableRetry(lambda sentence: None, "test"), statement_seconds=10)
    known = await Projection(session, TENANT, "canvas:x", writing=True).known("learning_outcome_result", [1])
    assert known[1].body["login"] == LOGIN
    await session.close()


async def test_triggers_fire_whatever_replication_role_a_session_has(database: str, connection: Connection) -> None:
    """Some managed servers set `replica` for a whole database, and a plain login cannot set it back."""
    await connection.execute(f'ALTER DATABASE "{urlsplit(database).path[1:]}" SET session_replication_role = replica')
    await write(database, result(1, login=LOGIN), b"no JSON")
    assert [row[:2] for row in await kept(connection)] == [("learning_outcome_result", 1)]
    assert await connection.fetchval("SELECT sum(records) FROM quarantine_tally") == 1
    assert (await verify(connection)).holds
    others = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'A'"
    assert await told(connection, others) == []
