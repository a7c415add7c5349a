"""The database that the migrations make."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from consumer.errors import Fatal
from consumer.ingest.batch import Books
from consumer.ingest.tables import TABLES
from consumer.query import explain, history, status, verify
from consumer.rights import tokens
from consumer.store import quarantine, schema
from consumer.store.postgres import connect, translated
from consumer.store.writer import Writer
from migrations import HEAD
from schemas.base import Reason
from tests.postgres.writing import TOPIC, batch_of, write
from tests.samples import result


async def test_migrating_from_several_places_at_once_is_safe(empty_database: str) -> None:
    """One does it, the others wait and find nothing to do."""
    found = await asyncio.gather(*(schema.migrate(empty_database) for _ in range(4)))
    before = sorted((done.before or "", done.after, bool(done.objects)) for done in found)
    assert before == [("", HEAD, True), *[(HEAD, HEAD, False)] * 3]


async def test_a_database_without_schema_is_refused_in_one_sentence(empty_database: str) -> None:
    """With what to do."""
    connection = await connect(empty_database)
    with pytest.raises(Fatal, match=r"has no outcomes schema yet.*run `outcomes migrate`"):
        await schema.check(connection)
    await connection.close()


@pytest.mark.parametrize("revision", ["9999", "abcd"])
async def test_a_schema_of_another_version_is_refused_in_one_sentence(database: str, revision: str) -> None:
    """A revision that this code does not know: upgrade the code, or begin anew; do not migrate."""
    connection = await connect(database)
    await connection.execute("UPDATE alembic_version SET version_num = $1", revision)
    with pytest.raises(Fatal, match="does not know: upgrade this code, or start with a new database"):
        await schema.check(connection)
    with pytest.raises(Fatal, match="does not know: upgrade this code, or start with a new database"):
        await schema.migrate(database)
    await connection.execute("UPDATE alembic_version SET version_num = $1", HEAD)
    await connection.close()


async def test_the_tables_have_exactly_the_columns_that_the_writer_fills(database: str) -> None:
    """Names and order; the version tables add when a version was recorded."""
    connection = await connect(database)
    for table in TABLES.values():
        for name, expected in (
            (table.name, table.columns),
            (f"{table.name}_version", (*table.columns, "recorded_at", *table.version_columns[-4:])),
        ):
            found = await connection.fetch(
                "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum",
                f"outcomes.{name}",
            )
            assert tuple(row["attname"] for row in found) == expected
    await connection.close()


async def test_every_table_view_and_column_says_what_it_is(database: str) -> None:
    """A reader who knows SQL and Canvas understands them from their comments."""
    connection = await connect(database)
    silent = await connection.fetch(
        """
        SELECT class.relname, attribute.attname
          FROM pg_class class
          LEFT JOIN pg_attribute attribute
            ON attribute.attrelid = class.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
         WHERE class.relnamespace::regnamespace::text LIKE 'outcomes%' AND class.relkind IN ('r', 'v', 'm', 'p')
           AND (obj_description(class.oid) IS NULL OR col_description(class.oid, attribute.attnum) IS NULL)
        UNION ALL
        SELECT proname, NULL FROM pg_proc
         WHERE pronamespace::regnamespace::text LIKE 'outcomes%' AND obj_description(oid) IS NULL
        """
    )
    assert [tuple(row) for row in silent] == []
    await connection.close()


async def test_the_database_knows_exactly_our_reasons(database: str) -> None:
    """The closed list of the code is the constraint of the table."""
    connection = await connect(database)
    definition: str = await connection.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'quarantine_reason_is_known'"
    )
    assert {part for part in definition.split("'") if part.isidentifier() and part != "text"} >= set(Reason)
    assert definition.count("'::text") == len(Reason)
    await connection.close()


UNSEEN = (
    "quarantine",
    "quarantine_tally",
    "suppression",
    "unknown_value",
    "api_token",
    "person_name",
    "access_grant",
    "access_session",
    "access_log",
)
"""What readers have nothing to do with."""


async def test_the_reader_sees_everything_but_quarantine_and_tokens(database: str) -> None:
    """Quarantine holds what Canvas sent, personal data included; of a token or session a reader learns what it opens."""
    connection = await connect(database)
    relations = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'outcomes'::regnamespace AND relkind IN ('r', 'v')"
    )
    async with connection.transaction():
        await connection.execute("SET LOCAL ROLE outcomes_reader")
        for row in relations:
            readable = await connection.fetchval("SELECT has_table_privilege($1, 'SELECT')", f"outcomes.{row['relname']}")
            assert readable == (row["relname"] not in UNSEEN), row["relname"]
            assert not await connection.fetchval(
                "SELECT has_table_privilege($1, 'INSERT, UPDATE, DELETE')", f"outcomes.{row['relname']}"
            )
        assert await connection.fetch("SELECT outcomes_internal.rights_of_secret(sha256('nobody''s'))") == []
    await connection.close()


async def test_a_missing_privilege_is_told_with_what_each_role_may_do(database: str) -> None:
    """And that is true of them: no reader needs to be the owner for `status`, and no writer is promised the tokens."""
    await write(database, result(1))
    connection = await connect(database)
    reader, writer = "outcomes_reader", "outcomes_writer"
    questions: list[tuple[Callable[[], Awaitable[object]], set[str]]] = [
        (lambda: history.history(connection, "result", 1, None), {reader, writer}),
        (lambda: status.status(connection, schema=HEAD), {reader, writer}),
        (lambda: explain.explain(connection, "result", 1, None), {reader, writer}),
        (lambda: verify.verify(connection), {reader, writer}),
        (lambda: quarantine.listed(connection, states=("open",), reason=None, limit=1), {writer}),
        (lambda: Writer(connection).open_position(TOPIC, 0), {writer}),
        (lambda: tokens.listed(connection), set()),
    ]
    for question, allowed in questions:
        for role in (reader, writer):
            await connection.execute(f"SET ROLE {role}")
            if role in allowed:
                await question()
                continue
            with pytest.raises((asyncpg.InsufficientPrivilegeError, Fatal)) as caught:
                await question()
            assert str(translated(caught.value)).startswith(
                "the database user lacks a privilege: outcomes_reader reads all but quarantine; outcomes_writer writes, and "
                "reads quarantine too; migrate, retain and token are the owner's: "
                "permission denied for table "
            )
    await connection.close()


async def test_the_writer_role_can_write_and_cannot_rewrite_history(database: str) -> None:
    """All that the worker does, and no change of a version but for where its request was made, which a copy may tell."""
    connection = await connect(database)
    await connection.execute("SET ROLE outcomes_writer")
    await schema.check(connection)
    writer = Writer(connection)
    await writer.open_position(TOPIC, 0)
    told = batch_of([result(1), b"{", None, result(2, surprise=1)])
    assert (await writer.write(told))[TOPIC] == Books(applied=2, ignored=1, quarantined=1)
    copy = result(1)
    copy["metadata"] |= {"context_type": "Course", "context_id": "21070000000000007"}
    assert (await writer.write(batch_of([copy, result(1)], first=4)))[TOPIC] == Books(duplicate=2)
    told_of = "SELECT metadata ->> 'context_type' FROM learning_outcome_result_version ORDER BY id"
    assert [row[0] for row in await connection.fetch(told_of)] == ["Course", None]
    for statement in ("UPDATE learning_outcome_result_version SET score = 1", "DELETE FROM learning_outcome_result_version"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


async def test_the_books_of_a_partition_cannot_disagree_with_themselves(database: str) -> None:
    """The database itself refuses books that do not add up."""
    await write(database, result(1))
    connection = await connect(database)
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute("UPDATE stream_position SET applied = applied + 1")
    await connection.close()
