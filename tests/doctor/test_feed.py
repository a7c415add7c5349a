"""What the projection tells about its feed: silence that is not usual, and all that waits for somebody."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from consumer.doctor import feed
from consumer.doctor.checks import BASE, FEED, INLET, NAMES, STREAM
from consumer.ingest.batch import Partition
from consumer.ingest.decode import Rules
from consumer.query.rhythm import HOUR, WEEK, WEEKS, YEAR_AGO, is_expected, silences
from consumer.store.postgres import connect
from tests.acceptance.running import send
from tests.doctor.looking import AWAY, checked
from tests.postgres.writing import write
from tests.samples import TENANT, Event, event

MakeTopic = Callable[..., Awaitable[str]]
DAY = timedelta(days=1)
ANY_TIME = Rules(max_future=timedelta(days=36_500))
MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
LONG_AGO = MONDAY - 500 * WEEK


def _weeks(numbers: Iterable[int]) -> set[datetime]:
    return {MONDAY - number * WEEK for number in numbers}


@pytest.mark.parametrize(
    ("first", "spoke", "expected"),
    [
        (LONG_AGO, _weeks(range(1, 9)) | _weeks((52,)), True),
        (LONG_AGO, _weeks(range(1, 7)) | _weeks((51,)), True),
        (LONG_AGO, _weeks(range(1, 6)) | _weeks((51, 52, 53)), False),  # in five of eight weeks
        (LONG_AGO, _weeks(range(1, 9)), False),  # a holiday: nothing a year ago
        (MONDAY - 8 * WEEK, _weeks(range(1, 9)), True),  # no year ago is known
        (MONDAY - 52 * WEEK, _weeks(range(1, 9)), False),
        (MONDAY - 3 * WEEK, _weeks(range(1, 4)), True),
        (MONDAY - 3 * WEEK + HOUR, _weeks(range(1, 4)), False),  # two weeks are no rhythm
        (LONG_AGO, set(), False),
    ],
)
def test_an_hour_is_expected_to_bring_something_by_the_feeds_own_past(
    first: datetime, spoke: set[datetime], expected: bool
) -> None:
    """In three quarters of the weeks before, and in some week about a year ago where that is known."""
    assert is_expected(MONDAY, first, MONDAY - timedelta(minutes=20), spoke) is expected


def test_a_silence_of_months_does_not_become_usual() -> None:
    """The weeks before it count, and not those in it; what was silent a year ago was so before this silence."""
    stopped = MONDAY - 20 * WEEK
    assert is_expected(MONDAY, MONDAY - 40 * WEEK, stopped, _weeks(range(20, 28)))
    assert not is_expected(MONDAY, MONDAY - 40 * WEEK, stopped, _weeks(range(1, 20)))
    assert is_expected(MONDAY, LONG_AGO, MONDAY - 80 * WEEK, _weeks(range(80, 88)))
    assert not is_expected(MONDAY, LONG_AGO, stopped, _weeks(range(20, 28)))


def _spoken(times: list[datetime], tenant: str = TENANT) -> Iterator[Event]:
    for number, at in enumerate(times, 1):
        told = event("learning_outcome_updated", at=at, tenant=tenant, learning_outcome_id=str(number))
        told["metadata"] |= {"context_type": "Account", "context_id": "1"}  # a web request
        yield told


async def test_silence_is_missed_only_at_hours_at_which_the_feed_speaks_as_a_rule(database: str) -> None:
    """Each tenant has its own rhythm; what is silent every night, or was a year ago too, is not missed."""
    now = MONDAY + timedelta(hours=4, minutes=30)
    busy = [MONDAY - week * WEEK + hour * HOUR for week in range(1, WEEKS + 1) for hour in range(5)]
    year_ago = [MONDAY - week * WEEK + hour * HOUR for week in YEAR_AGO for hour in range(5)]
    newest = MONDAY + timedelta(minutes=20)
    nightly = [MONDAY - week * WEEK for week in range(WEEKS + 1)]
    connection = await connect(database)
    for tenant, times in (("busy", [*busy, newest]), ("term", [*busy, *year_ago, newest]), ("night", nightly)):
        await write(connection, *_spoken(times, tenant), rules=ANY_TIME)
    await write(connection, *_spoken([LONG_AGO, *busy, newest], "holiday"), rules=ANY_TIME)
    found = {one.tenant: (one.missed, one.weeks) for one in await silences(connection, now)}
    connection.terminate()
    assert found == {"busy": (3, 8), "term": (3, 8), "night": (0, 8), "holiday": (0, 8)}


async def test_what_waits_for_somebody_in_the_projection_is_found(unchecked_database: str) -> None:
    """No heartbeat or an old one, a silent feed, quarantine, a gap, rosters that are due; each line says what to do."""
    others = [*INLET, *STREAM, *BASE, "lag", "canvas"]
    found = {check.name: check for check in await checked(others, unchecked_database)}
    assert list(found) == list(FEED[1:])
    assert {name for name, check in found.items() if check.state == "attention"} == {"heartbeat", "silence"}
    assert "heartbeat" in found["heartbeat"].advice
    connection, now = await connect(unchecked_database), datetime.now(UTC)
    await write(connection, event("heartbeat", at=now), *_spoken([now - HOUR]), rules=ANY_TIME)
    found = {check.name: check for check in await checked(others, unchecked_database)}
    assert {check.state for check in found.values()} == {"ok"}, found
    hours = range(1, 6)
    spoke = [now - week * WEEK - hour * HOUR for week in range(1, WEEKS + 1) for hour in hours] + [now - 5 * HOUR]
    await connection.execute("TRUNCATE learning_outcome, learning_outcome_version, ignored_event, stream_position")
    imported = event("sis_batch_updated", at=now - 6 * HOUR, workflow_state="imported")
    values: list[Event | bytes] = [
        event("heartbeat", at=now - HOUR),
        *_spoken(spoke),
        event("course_updated", at=now - 6 * HOUR),
        imported,
        b"{",
    ]
    await write(connection, *values, rules=ANY_TIME)
    await connection.execute(
        "INSERT INTO stream_gap (source, partition, from_position, to_position, reason)"
        " VALUES ('t', 0, 1, 5, 'retention_passed')"
    )
    found = {check.name: check for check in await checked(others, unchecked_database)}
    assert {name for name, check in found.items() if check.state == "attention"} == set(FEED) - {"lag", "growth"}, found
    assert f"{TENANT} told nothing since" in found["silence"].found
    assert "not_json 1" in found["quarantine"].found
    assert "1 stretches of topics, 4 records" in found["gaps"].found
    assert (found["rosters"].found.count("1 courses"), "--rosters --due" in found["rosters"].advice) == (1, True)
    connection.terminate()


async def test_a_silence_that_cannot_be_judged_is_not_called_usual(unchecked_database: str) -> None:
    """With less than three weeks of events it is unknown; above 30 days it needs attention whatever the past tells."""
    asked, now = [one for one in NAMES if one != "silence"], datetime.now(UTC)
    for times, state, said in (
        ([now - 31 * DAY], "attention", "(31 d ago)"),
        ([now - 26 * DAY, now - 5 * HOUR], "ok", "none is missed"),
        ([now - 5 * DAY, now - 5 * HOUR], "unknown", "too little is known to judge"),
        ([now - 5 * DAY, now - HOUR], "ok", "none is missed"),
    ):
        connection = await connect(unchecked_database)
        await connection.execute("TRUNCATE learning_outcome, learning_outcome_version, stream_position")
        await write(connection, *_spoken(times), rules=ANY_TIME)
        connection.terminate()
        (found,) = await checked(asked, unchecked_database)
        assert (found.state, said in found.found) == (state, True), found


async def test_workers_that_do_not_keep_up_are_found(
    database: str, kafka_bootstrap: str, topic: MakeTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lag that Kafka does not tell, or of a topic that nobody has read, is not none."""
    name, asked = await topic(1), [one for one in NAMES if one != "lag"]
    await send(kafka_bootstrap, name, [event("course_created")] * 3)
    await write(database, event("course_created"), partition=Partition(name, 0))
    at = {"topic": (name,), "kafka_bootstrap_servers": kafka_bootstrap}
    assert (await checked(asked, database, **at))[0].state == "ok"
    monkeypatch.setattr(feed, "MOST_LAG", 1)
    (found,) = await checked(asked, database, **at)
    assert (found.state, found.found) == ("attention", "2 records are not written yet")
    (found,) = await checked(asked, database, topic=(name,), kafka_bootstrap_servers=AWAY)
    assert (found.state, f"no Kafka at {AWAY}" in found.found) == ("unknown", True)
    await write(database, event("course_created"), partition=Partition(name, 1))
    (found,) = await checked(asked, database, **at)
    assert (found.state, found.found) == ("unknown", "Kafka does not tell the ends of partitions: 1")
    (found,) = await checked(asked, database, topic=("never-read",), kafka_bootstrap_servers=kafka_bootstrap)
    assert (found.state, found.found) == ("attention", "no worker has begun to read never-read")


async def test_quarantine_that_a_login_may_not_read_is_not_called_empty(database: str, login: str) -> None:
    """A reader's login: the check cannot be made."""
    (found,) = await checked([one for one in NAMES if one != "quarantine"], login)
    assert (found.state, "worker's login" in found.advice) == ("unknown", True)
