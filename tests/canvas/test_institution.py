"""A simulated institution: what its feed and its REST API tell becomes the gradebook of its own Canvas."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from consumer.canvas.client import CanvasClient
from consumer.canvas.pacing import Clock
from consumer.query import gradebook
from consumer.simulator.books import Books
from consumer.simulator.feed import Feed, messages_of
from consumer.simulator.school import School as Term
from consumer.simulator.school import institution
from consumer.simulator.truth import Truth
from consumer.store.postgres import Connection, connect
from tests.acceptance.running import outcomes, outcomes_json, running, send, until
from tests.acceptance.test_personal_data import tables, told_by
from tests.acceptance.test_worker import settings
from tests.canvas.filling import QUICK, fill, variables_of
from tests.canvas.institution import LOSABLE, OwnCanvas, Scores

NewTopic = Callable[..., Awaitable[str]]
READ_ON = 55
"""Day of the term on whose night REST is read for the first time; the second reading is today."""
DAYS = (20, 40, 56, 75, 111)
"""Days whose nights are compared: two before that reading, three after it."""
Pairs = set[tuple[int, int]]
"""Course and user."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """A term."""

    own: OwnCanvas
    first: list[bytes]
    """Messages up to the night of the reading, as they arrive: out of order, twice, in dialects, some lost."""
    rest: list[bytes]
    """Later ones, and a twentieth of the earlier ones, which is late."""
    night: Callable[[int], datetime]


def simulated(seed: int, losses: float) -> Simulated:
    """`losses`: share of the events about people that never arrive."""
    plan, books = Term(seed=seed, events=5000), Books()
    events = list(institution(plan, books))
    chance = random.Random(seed)
    lost = {(one.kind, one.id, one.time) for one in events if one.kind in LOSABLE and chance.random() < losses}
    own = OwnCanvas(events, books, lost)

    def night(day: int) -> datetime:
        return plan.start.replace(hour=2) + timedelta(days=day)

    arriving = [one for one in events if (one.kind, one.id, one.time) not in lost]
    halves = [[event for event in arriving if (event.time < night(READ_ON)) == first] for first in (True, False)]
    feed = Feed(seed, disorder=0.3, duplicates=0.1, dialects=0.2, late=0.02)
    first, rest = ([message.value for message in messages_of(half, feed, Truth())] for half in halves)
    late = set(chance.sample(range(len(first)), len(first) // 20))
    rest += [first[number] for number in late]
    first = [message for number, message in enumerate(first) if number not in late]
    return Simulated(own, first, rest, night)


async def by_sql(connection: Connection, own: OwnCanvas, at: datetime | None) -> dict[int, dict[int, Scores]]:
    """Course -> user -> scores."""
    users, found = own.users(at or datetime.now(UTC)), dict[int, dict[int, Scores]]()
    for course in own.courses:
        found[course] = {}
        query = "SELECT user_uuid, learning_outcome_id, score FROM gradebook_at($1, $2, $3)"
        for uuid, outcome, score in await connection.fetch(query, own.tenant, course, at):
            row = found[course].setdefault(_user(users, uuid), {})
            if score is not None:
                row[outcome] = score
    return found


async def by_command(connection: Connection, own: OwnCanvas, at: datetime | None) -> dict[int, dict[int, Scores]]:
    """The same from what `outcomes gradebook --json` prints."""
    users, found = own.users(at or datetime.now(UTC)), dict[int, dict[int, Scores]]()
    for course in own.courses:
        book = (await gradebook.gradebook(connection, course, own.tenant, at, None)).as_json()
        found[course] = {
            _user(users, student["user_uuid"]): {
                cell["learning_outcome_id"]: Decimal(repr(cell["score"]))
                for cell in student["cells"]
                if cell["score"] is not None
            }
            for student in book["students"]
        }
    return found


def _user(users: dict[str, int], uuid: str) -> int:
    return int(uuid.removeprefix("id:")) if uuid.startswith("id:") else users[uuid]


def unlike(ours: dict[int, dict[int, Scores]], canvas: dict[int, dict[int, Scores]]) -> Pairs:
    """Course and user of all rows that only one of the two has, or that have other scores."""
    found = set()
    for course, rows in canvas.items():
        for user in rows.keys() | ours[course].keys():
            if rows.get(user) != ours[course].get(user):
                found.add((course, user))
    return found


class Feeding:
    """Brings messages into the database: a file at a time by `replay`, or all that is in a topic by the worker."""

    def __init__(self, database: str, folder: Path, kafka: tuple[str, str] | None) -> None:
        self._database = database
        self._folder = folder
        self._kafka = kafka

    async def bring(self, messages: list[bytes]) -> None:
        """Returns when all are written."""
        if self._kafka is not None:
            await send(*self._kafka, messages)
            await outcomes_json("worker", "--until-end", **settings(self._database, *self._kafka))
            return
        file = self._folder / f"{len(messages)}.ndjson"
        file.write_bytes(b"\n".join(messages))
        await outcomes_json("replay", str(file), DATABASE_URL=self._database)


@pytest.mark.parametrize(("seed", "losses", "by_worker"), [(1, 0.0, False), (2, 0.05, True)])
async def test_the_gradebook_is_that_of_the_institutions_own_canvas_today_and_on_five_dates(
    database: str,
    kafka_bootstrap: str,
    topic: NewTopic,
    tmp_path: Path,
    seed: int,
    losses: float,
    by_worker: bool,
) -> None:
    """Row for row.

    Where the feed loses nothing, without exception: REST dates what Canvas changed without an event. Where it loses events, on
    dates before the first reading, for every student of whose enrolments all was told.
    """
    term = simulated(seed, losses)
    own, read_at = term.own, term.night(READ_ON)
    feeding = Feeding(database, tmp_path, (kafka_bootstrap, await topic(3)) if by_worker else None)
    await feeding.bring(term.first)
    async with own.school(read_at) as school:
        client = CanvasClient(school.url, SecretStr(school.token), policy=QUICK, clock=Clock(now=lambda: read_at))
        assert (await fill(database, school, client=client, rosters=True)).troubles == []
    await feeding.bring(term.rest)
    now = datetime.now(UTC)
    async with own.school(now) as school:
        assert (await outcomes("backfill", "--rosters", **variables_of(school, database)))[0] == 0
    canvas = {day: own.gradebooks(term.night(day)) for day in DAYS}
    untold = {day: own.untold(term.night(day)) if losses and day < READ_ON else set() for day in DAYS}
    connection = await connect(database)
    try:
        for ours in (by_sql, by_command):
            assert unlike(await ours(connection, own, None), own.gradebooks(now)) == set()
            found = {day: unlike(await ours(connection, own, term.night(day)), canvas[day]) for day in DAYS}
            assert {day: found[day] - untold[day] for day in DAYS} == {day: set() for day in DAYS}
    finally:
        await connection.close()


async def test_with_ids_no_name_login_or_sis_id_of_the_institution_is_anywhere(
    database: str, kafka_bootstrap: str, topic: NewTopic, free_port: int
) -> None:
    """Neither in a table, as text, nor in a log, metric, printed line or quarantine message, of worker and backfill."""
    books = Books()
    events = list(institution(Term(courses=2, events=1500), books))
    own, feed = OwnCanvas(events, books), Feed(poison=0.02, dialects=0.2, duplicates=0.1)
    messages = [message.value for message in messages_of(events, feed, Truth())]
    name = await topic(1)
    await send(kafka_bootstrap, name, messages)
    variables = settings(database, kafka_bootstrap, name, OUTCOMES_HTTP_PORT=str(free_port), OUTCOMES_LOG_LEVEL="debug")

    async def metrics() -> str | None:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{free_port}/metrics") as answer:
            text = await answer.text()
        counts = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith("outcomes_events_total{")]
        return text if sum(map(float, counts)) == len(messages) else None

    async with running("worker", **variables) as worker:
        await worker.err_line()
        page = await until(metrics)
        code, out, err = await worker.end()
    assert code == 0, err
    async with own.school(datetime.now(UTC)) as school:
        filled = await outcomes("backfill", "--rosters", OUTCOMES_LOG_LEVEL="debug", **variables_of(school, database))
    shown = await tables(database) | {"metrics": page, "worker": out + err, "backfill": filled[1] + filled[2]}
    words = own.words_about_people()
    assert told_by({"feed": b"".join(messages).decode()}, words)["feed"][50:], "the feed is full of them"
    assert told_by(shown, words) == {}
    assert shown["quarantine"]
    assert all(uuid in shown["user_identity"] for uuid in own.users(datetime.now(UTC))), "the search finds what is there"
