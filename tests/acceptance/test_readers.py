"""The commands as somebody runs them who may read everything but quarantine."""

import asyncio
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from consumer.ingest.batch import Partition
from consumer.ingest.tables import TABLES
from tests.acceptance.running import outcomes, outcomes_json
from tests.postgres.writing import write
from tests.samples import event, result, scale

LEFT_OUT = "quarantine is left out: this login may not read it"


@pytest.fixture
def reader(database: str) -> Iterator[str]:
    """The address of the database for a login that is a member of outcomes_reader, and of nothing else."""
    name = f"reader_{uuid.uuid4().hex[:12]}"

    async def execute(statement: str) -> None:
        connection = await asyncpg.connect(database)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret' IN ROLE outcomes_reader"))
    address = urlsplit(database)
    yield urlunsplit(address._replace(netloc=f"{name}:secret@{address.netloc.rpartition('@')[2]}"))
    asyncio.run(execute(f"DROP ROLE {name}"))


async def test_status_for_a_reader_leaves_quarantine_out_and_says_so(database: str, reader: str) -> None:
    """The exit code goes by what is seen: nothing that needs attention, while the writer sees a record that waits."""
    await write(database, result(1), b"{")
    code, out, err = await outcomes("status", "--no-lag", DATABASE_URL=reader)
    assert (code, err) == (0, "")
    assert out.count(LEFT_OUT) == 1
    assert "in quarantine" not in out
    assert "1 quarantined" in out  # the books are for everybody
    told = await outcomes_json("status", "--no-lag", DATABASE_URL=reader)
    assert (told["quarantine"], told["books"]["quarantined"]) == (None, 1)
    code, out, _ = await outcomes("status", "--no-lag", DATABASE_URL=database)
    assert (code, "in quarantine" in out, LEFT_OUT in out) == (1, True, False)
    assert [row["records"] for row in (await outcomes_json("status", "--no-lag", DATABASE_URL=database))["quarantine"]] == [1]


async def test_a_gap_is_still_an_exit_code_for_a_reader(database: str, reader: str) -> None:
    """What is left out takes nothing else along."""
    await write(database, result(1))
    connection = await asyncpg.connect(database)
    await connection.execute(
        "INSERT INTO outcomes.stream_gap (source, partition, from_position, to_position, reason)"
        " VALUES ('t', 0, 1, 2, 'retention_passed')"
    )
    await connection.close()
    code, out, _ = await outcomes("status", "--no-lag", DATABASE_URL=reader)
    assert (code, "gaps" in out, LEFT_OUT in out) == (1, True, True)


async def test_verify_for_a_reader_makes_the_checks_that_it_can(database: str, reader: str) -> None:
    """Those that need quarantine, or what is out of sight, neither hold nor fail; what is wrong elsewhere is found."""
    await write(database, result(1), b"{")
    code, out, err = await outcomes("verify", DATABASE_URL=reader)
    assert (code, err) == (0, "")
    assert out.splitlines()[-2:] == [out.splitlines()[-2], "24 of 37 checks hold, 13 left out"]
    assert out.splitlines()[-2].startswith(LEFT_OUT)
    told, whole = [await outcomes_json("verify", DATABASE_URL=dsn) for dsn in (reader, database)]
    assert (told["holds"], told["digest"]) == (True, whole["digest"])
    assert [check["promise"] for check in told["checks"] if check["failures"] is None] == [
        "quarantined = records in quarantine",
        "open records in quarantine = tallied ones",
        *(f"{name}: values of unknown members are out of sight" for name, table in TABLES.items() if table.private),
        "no erased person is in a table",
    ]
    assert all(check["failures"] == 0 for check in whole["checks"])
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE outcomes.learning_outcome_result SET possible = 77")
    assert (await outcomes("verify", DATABASE_URL=reader))[0] == 1
    await connection.execute(
        "UPDATE outcomes.learning_outcome_result SET possible = v.possible FROM outcomes.learning_outcome_result_version v"
    )
    await connection.close()


async def test_explain_for_a_reader_tells_of_the_versions(database: str, reader: str) -> None:
    """Of the records in quarantine that may be about the object, that they were not looked at."""
    await write(database, result(1), result(1, score="five"))
    code, out, err = await outcomes("explain", "result", "1", DATABASE_URL=reader)
    assert (code, err) == (0, "")
    assert out.count(LEFT_OUT) == 1
    assert "bad_number" not in out
    assert (await outcomes_json("explain", "result", "1", DATABASE_URL=reader))["quarantined"] is None
    code, out, err = await outcomes("explain", "result", "2", DATABASE_URL=reader)
    assert (code, out) == (2, "")
    assert (
        f"no learning_outcome_result 2 is known of {event('course_created')['metadata']['root_account_uuid']} ({LEFT_OUT}"
        in err
    )


async def test_every_command_that_only_reads_answers_a_reader(database: str, reader: str) -> None:
    """And what needs more is refused in a sentence that names who may."""
    await write(database, result(1, minute=1), scale(4, 3, 0), partition=Partition("topic", 0))
    course = (
        "--course",
        str((await outcomes_json("history", "result", "1", DATABASE_URL=reader))["states"][0]["result_context_id"]),
    )
    for arguments in (
        ("migrate", "--check"),
        ("history", "scale", "1"),
        ("gradebook", *course),
        ("scale", *course),
        ("account-level-scales",),
        ("letters", "list"),
        ("letters", "grade", "93"),
        ("verify",),
        ("status", "--no-lag"),
        ("explain", "result", "1"),
    ):
        code, out, err = await outcomes(*arguments, DATABASE_URL=reader)
        assert (code, bool(out)) == (0, True), (arguments, err)
    for refused in (
        ("quarantine", "list"),
        ("quarantine", "retry", "--all"),
        ("account-level-scales", "on"),
        ("token", "list"),
    ):
        code, out, err = await outcomes(*refused, DATABASE_URL=reader)
        assert (code, out, err.count("\n")) == (2, "", 1), refused
        assert "the database user lacks a privilege: outcomes_reader reads all but quarantine" in err
