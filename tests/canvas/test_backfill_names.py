"""Names of people on the way of a backfill: in with the setting, out with another."""

from datetime import UTC, datetime

import pytest

from consumer.canvas.compare import Change
from consumer.canvas.snapshot_writer import SnapshotWriter
from consumer.settings import People
from consumer.store.retrying import StoppableRetry
from consumer.store.store import Store
from tests.canvas.content import HIGH, UUID
from tests.canvas.filling import differences, fill, query, settings_of
from tests.canvas.school import School

ADA = {
    "user_id": "501",
    "uuid": "uuid-501",
    "name": "Ada de Byrne",
    "short_name": "Ada",
    "sortable_name": "de Byrne, Ada",
    "user_login": "ada",
    "workflow_state": "registered",
}


async def tell(dsn: str, school: School, people: People) -> None:
    """What REST told of a user, written with this setting."""
    settings = settings_of(school).model_copy(update={"people": people})
    store = Store(dsn, statement_seconds=10)
    writer = SnapshotWriter(store, StoppableRetry(lambda _: None, "test"), settings, "canvas:school.example", UUID)
    assert await writer.write([Change("missing", "canvas_user", 501, ADA, (), datetime.now(UTC))]) == [None]
    await store.close()


async def names(dsn: str) -> list[str]:
    """How the people there are sorted."""
    return [row["sortable_name"] for row in await query(dsn, "SELECT sortable_name FROM person_name")]


@pytest.mark.parametrize("people", ["off", "ids", "names"])
async def test_a_snapshot_brings_what_the_setting_stores(database: str, people: People) -> None:
    """Nothing, the user, or the names too, sorted as Canvas says."""
    async with School() as school:
        await tell(database, school, people)
    assert await names(database) == (["de Byrne, Ada"] if people == "names" else [])
    users = await query(database, "SELECT id, uuid, extra FROM canvas_user")
    assert [tuple(row) for row in users] == ([] if people == "off" else [(501, "uuid-501", None)])


async def test_only_what_writes_takes_names_out(database: str) -> None:
    """Not a dry run, nor a comparison."""
    async with School() as school:
        await tell(database, school, "names")
        await fill(database, school, account=HIGH, writing=False)
        await differences(database, school, account=HIGH)
        assert len(await names(database)) == 1
        await fill(database, school, account=HIGH)
        assert await names(database) == []
