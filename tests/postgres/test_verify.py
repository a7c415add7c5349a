"""Verify finds what is wrong, and nothing else."""

import pytest

from consumer.ingest.batch import Partition
from consumer.query.verify import verify
from consumer.store.postgres import connect
from tests.postgres.writing import write
from tests.samples import event, result, scale

PLANTED = {
    "a current row that is older than its newest version": (
        "UPDATE learning_outcome_result SET event_time = event_time - interval '1 day' WHERE id = 1",
        "each current learning_outcome_result is the newest of its versions",
        "is not the newest of its versions",
    ),
    "a current row with another value than its version": (
        "UPDATE learning_outcome_result SET score = 99 WHERE id = 1",
        "each current learning_outcome_result is the newest of its versions",
        "is not the newest of its versions",
    ),
    "a lost current row": (
        "DELETE FROM learning_outcome_result WHERE id = 1",
        "each current learning_outcome_result is the newest of its versions",
        "has no current row",
    ),
    "a current row that no event told": (
        "DELETE FROM learning_outcome_result_version WHERE id = 2",
        "each current learning_outcome_result is the newest of its versions",
        "has no version",
    ),
    "a lost version": (
        "DELETE FROM learning_outcome_result_version AS v USING learning_outcome_result AS c "
        "WHERE v.id = 1 AND c.id = 1 AND v.event_time < c.event_time",
        "applied + superseded = versions",
        "4 applied and superseded, 3 versions",
    ),
    "a lost record of quarantine": (
        "DELETE FROM quarantine",
        "quarantined = records in quarantine",
        "1 quarantined, 0 in quarantine",
    ),
    "a lost count of an ignored event": (
        "DELETE FROM ignored_event",
        "ignored = ignored events counted by name",
        "1 ignored, 0 counted",
    ),
    "a lost position": (
        "DELETE FROM stream_position",
        "applied + superseded = versions",
        "0 applied and superseded, 4 versions",
    ),
}


async def fill(dsn: str) -> None:
    """Something of everything."""
    await write(dsn, result(1, minute=1), result(1, minute=2), result(2), scale(4, 3, 0), b"{", None)


@pytest.mark.parametrize("what", PLANTED)
async def test_a_planted_fault_is_found(unchecked_database: str, what: str) -> None:
    """With a sentence that names it."""
    statement, promise, sentence = PLANTED[what]
    await fill(unchecked_database)
    connection = await connect(unchecked_database)
    assert (await verify(connection)).holds
    await connection.execute(statement)
    found = await verify(connection)
    await connection.close()
    assert not found.holds
    broken = {check.promise: check for check in found.checks if check.failures}
    assert promise in broken
    assert any(sentence in example for example in broken[promise].examples)


async def test_the_digest_is_of_what_was_told_and_not_of_how_it_came(database: str, another_database: str) -> None:
    """Another order, another partition, twice: one digest. Another value: another."""
    told = [result(1, minute=1), result(1, minute=2), result(2), scale(4, 3, 0), event("course_created")]
    await write(database, *told)
    await write(another_database, *reversed(told), *told, partition=Partition("other", 7))
    connection, other = await connect(database), await connect(another_database)
    assert (await verify(connection)).digest == (await verify(other)).digest
    await write(another_database, result(1, minute=3))
    assert (await verify(connection)).digest != (await verify(other)).digest
    await connection.close()
    await other.close()
