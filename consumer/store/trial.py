"""Takes the row of a made-up event out again, and keeps the books exact: the event counts as ignored."""

from datetime import UTC, datetime

from consumer.store.postgres import Connection, translating
from consumer.store.sql import sql

TENANT = "made-up-by-outcomes-doctor"
"""No Canvas has such a root account."""
TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""When the event happened: before all of the feed's events, so that a dead feed does not look alive."""


async def may_take_out(connection: Connection) -> bool:
    """Whether this login may delete rows."""
    with translating():
        return bool(await connection.fetchval(sql("trial_rights")))


async def is_there(connection: Connection, id_: int) -> bool:
    """Whether the event has become a row."""
    with translating():
        statement = "SELECT EXISTS (SELECT FROM learning_outcome WHERE root_account_uuid = $1 AND id = $2)"
        return bool(await connection.fetchval(statement, TENANT, id_))


async def take_out(connection: Connection) -> int:
    """Deletes all rows of the made-up tenant; returns how many versions. In the writer's order of locks."""
    with translating():
        async with connection.transaction():
            await connection.fetchval(sql("look_at_suppressions"), False)
            gone = await connection.fetch(sql("trial_versions"), TENANT)
            for source, partition, events in gone:
                await connection.execute(sql("trial_ignored"), source, partition, events)
                await connection.execute(sql("trial_books"), source, partition, events, TIME)
    return sum(row["events"] for row in gone)
