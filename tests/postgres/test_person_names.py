"""Names of people: what `person_name` holds, whatever happened on the way, and when it holds nothing."""

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from consumer.ingest.batch import Books, Partition
from consumer.ingest.decode import Rules
from consumer.ingest.person_names import sortable_name
from consumer.ingest.tables import TABLES
from consumer.settings import People, Settings
from consumer.store import quarantine
from consumer.store.dry_run import DryRunWriter, create_dry_run_tables
from consumer.store.postgres import Connection, connect
from consumer.store.store import Store
from consumer.store.writer import Writer
from consumer.worker import housekeeping
from consumer.worker.metrics import Metrics
from consumer.worker.worker import Worker
from tests import WHOLE
from tests.acceptance.running import until
from tests.postgres.test_law import connected, write_split
from tests.postgres.writing import TOPIC, batch_of, write
from tests.samples import NOON, NOW, RULES, TENANT, Event, event, iso, payload, raw

NAMES = Rules(people="names")
REST = Partition("canvas:school.example", 0)
SHOWN = ("user_id", "name", "short_name", "sortable_name", "login", "sis_user_id", "told_at")

_numbers = itertools.count()


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """Closed where the test fails too."""
    opened = await connect(database)
    yield opened
    await opened.close()


def user(id_: int = 501, *, minute: int = 0, **members: Any) -> Event:
    """A `user_updated`, `minute` minutes after noon."""
    return event("user_updated", at=NOON + timedelta(minutes=minute), user_id=str(21070000000000000 + id_), **members)


def remote(id_: int = 501, *, minute: int = 0, **members: Any) -> Event:
    """A user as a backfill writes it."""
    at = iso(NOON + timedelta(minutes=minute))
    metadata = {"event_name": "canvas_user_backfilled", "event_time": at, "root_account_uuid": TENANT}
    body = payload("user_updated")["body"] | {"user_id": str(id_)} | members
    return {"metadata": metadata, "body": {name: value for name, value in body.items() if value is not ...}}


async def held(connection: Connection, tenant: str = TENANT) -> list[dict[str, Any]]:
    """All names of a tenant, by user."""
    told = f"SELECT {', '.join(SHOWN)} FROM person_name WHERE root_account_uuid = $1 ORDER BY user_id"
    return [dict(row) for row in await connection.fetch(told, tenant)]


async def one(connection: Connection) -> dict[str, Any]:
    """The names of the one person whom there is."""
    rows = await held(connection)
    assert len(rows) == 1
    return rows[0]


# -- what is told --


async def test_the_newest_name_is_held_and_known_versions_bring_it_too(database: str, connection: Connection) -> None:
    """Who decides for `names` later replays what there is: no version is new, and every name comes."""
    told = [user(minute=0, name="Ada Byrne", short_name="Ada"), user(minute=1, name="Ada King", short_name="Ada")]
    await write(database, *told)
    assert await held(connection) == []
    assert await write(database, *told, rules=NAMES) == Books(duplicate=2)
    king = {"name": "Ada King", "short_name": "Ada", "sortable_name": "King, Ada", "login": "abyrne", "sis_user_id": "S-1001"}
    assert await one(connection) == {"user_id": 501, **king, "told_at": NOON + timedelta(minutes=1)}
    assert await write(database, told[0], rules=NAMES) == Books(duplicate=1)
    assert (await one(connection))["name"] == "Ada King", "what is older changes nothing"


async def test_rest_and_events_tell_of_one_person_together(database: str, connection: Connection) -> None:
    """The newer of both tells the name; a login or SIS id that it lacks, the other; REST alone how this very name is sorted."""
    shown_by_rest = remote(name="Ada de Byrne", sortable_name="de Byrne, Ada", user_login=...)
    await write(database, shown_by_rest, partition=REST, rules=NAMES)
    assert (await one(connection))["sortable_name"] == "de Byrne, Ada"
    await write(database, user(minute=5, name="Ada de Byrne", user_login="ada", user_sis_id=...), rules=NAMES)
    shown = await one(connection)
    assert (shown["sortable_name"], shown["login"], shown["sis_user_id"]) == ("de Byrne, Ada", "ada", "S-1001")
    assert shown["told_at"] == NOON + timedelta(minutes=5)
    await write(database, user(minute=6, name="Ada de Lovelace"), rules=NAMES)
    assert (await one(connection))["sortable_name"] == "Lovelace, Ada de"
    await write(database, remote(minute=7, name="Ada King", sortable_name="KING, Ada"), partition=REST, rules=NAMES)
    assert (await one(connection))["sortable_name"] == "KING, Ada"


async def test_at_one_moment_the_event_is_believed(database: str, connection: Connection) -> None:
    """As of versions: a snapshot is older than an event of its millisecond."""
    await write(database, remote(name="Zoe"), partition=REST, rules=NAMES)
    await write(database, user(name="Ada"), rules=NAMES)
    assert (await one(connection))["name"] == "Ada"


async def test_of_two_names_the_same_is_held_in_whatever_order_and_batches(database: str, connection: Connection) -> None:
    """The later, and at one moment the one whose text is greater."""
    later = user(minute=1, name="Ada", user_login=...), user(minute=0, name="Bo")
    at_once = user(name="Ada"), user(name="Bo")
    for told, held_name in ((later, "Ada"), (at_once, "Bo")):
        for order in (told, told[::-1]):
            for together in (True, False):
                await connection.execute("DELETE FROM person_name")
                for batch in (order,) if together else ((one_,) for one_ in order):
                    await write(database, *batch, rules=NAMES)
                assert (await one(connection))["name"] == held_name


async def test_the_same_user_id_of_two_tenants_is_two_people(database: str, connection: Connection) -> None:
    """Local ids are unique per institution only."""
    await write(database, user(name="Ada"), event("user_updated", tenant="another", name="Bo"), rules=NAMES)
    assert [row["name"] for row in (*await held(connection), *await held(connection, "another"))] == ["Ada", "Bo"]


# -- in any order --

some_telling = st.fixed_dictionaries(
    {
        "rest": st.booleans(),
        "minute": st.sampled_from([0, 0, 1, 2]),
        "id_": st.sampled_from([1, 2]),
        "name": st.sampled_from(["Ada Byrne", "Ada de Byrne", "Bo"]),
        "short_name": st.sampled_from(["Ada", ...]),
        "sortable_name": st.sampled_from(["de Byrne, Ada", "Bo", ...]),
        "user_login": st.sampled_from(["ada", "bo", ...]),
        "user_sis_id": st.sampled_from(["S-1", ...]),
    }
)


def expected(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What `person_name` holds of these tellings: its rule, said in Python."""
    people: dict[int, dict[bool, dict[str, Any]]] = {}
    for one_ in told:
        name = one_["name"]
        said = {
            "name": name,
            "short_name": one_["short_name"] if one_["short_name"] is not ... else name,
            "sortable_name": one_["sortable_name"]
            if one_["rest"] and one_["sortable_name"] is not ...
            else sortable_name(name),
            "login": None if one_["user_login"] is ... else one_["user_login"],
            "sis_user_id": None if one_["user_sis_id"] is ... else one_["user_sis_id"],
            "told_at": NOON + timedelta(minutes=one_["minute"]),
        }
        # As jsonb writes it: the shortest keys come first.
        text = [json.dumps(said[key]) for key in ("name", "login", "short_name", "sis_user_id", "sortable_name")]
        newest = people.setdefault(one_["id_"], {})
        if one_["rest"] not in newest or (said["told_at"], text) > newest[one_["rest"]]["order"]:
            newest[one_["rest"]] = said | {"order": (said["told_at"], text)}
    rows = []
    for id_, newest in sorted(people.items()):
        newer, *others = sorted(newest, key=lambda rest: (newest[rest]["told_at"], not rest), reverse=True)
        row = {"user_id": id_} | newest[newer]
        del row["order"]
        for other in others:
            row |= {key: row[key] if row[key] is not None else newest[other][key] for key in ("login", "sis_user_id")}
        if True in newest and newest[True]["name"] == row["name"]:
            row["sortable_name"] = newest[True]["sortable_name"]
        rows.append(row)
    return rows


def test_any_order_repetition_and_split_gives_the_same_names(database: str) -> None:
    """Events and REST, shuffled, repeated, by three writers at once: a function of the set of what was told."""

    async def run(told: list[dict[str, Any]], seed: int, batch_size: int) -> None:
        tenant, chance = f"tenant-{next(_numbers)}", random.Random(seed)
        copies = [*told, *chance.choices(told, k=chance.randrange(len(told) + 1))]
        chance.shuffle(copies)
        sources = [(f"{tenant}-topic", 0), (f"{tenant}-topic", 1), (f"canvas:{tenant}", 0)]
        split: list[list[Any]] = [[] for _ in sources]
        for one_ in copies:
            members = {key: value for key, value in one_.items() if key != "rest"}
            value = remote(**members) if one_["rest"] else user(**members)
            value["metadata"]["root_account_uuid"] = tenant
            part = 2 if one_["rest"] else chance.randrange(2)
            split[part].append(raw(value, len(split[part]), *sources[part]))
        await write_split(connections, split, batch_size, NAMES)
        assert await held(connections[0], tenant) == expected(told)

    with connected(database) as (runner, connections):

        @settings(max_examples=150 if WHOLE else 30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(some_telling, min_size=1, max_size=10), st.integers(0, 2**32), st.integers(1, 5))
        def holds(told: list[dict[str, Any]], seed: int, batch_size: int) -> None:
            runner.run(run(told, seed, batch_size))

        holds()


# -- on every way in --


async def test_a_dry_run_brings_no_name_and_takes_none_out(database: str, connection: Connection) -> None:
    """It changes nothing, whatever the setting."""
    await write(database, user(name="Ada"), rules=NAMES)
    settings_: tuple[People, ...] = ("names", "ids")
    for people in settings_:
        trying = await connect(database)
        await create_dry_run_tables(trying)
        writer = DryRunWriter(trying)
        await writer.remove_names(people)
        await writer.open_position(TOPIC, 1)
        await writer.write(batch_of([user(minute=1, name="Bo"), user(2)], first=1, rules=Rules(people=people)))
        await trying.close()
        assert [row["name"] for row in await held(connection)] == ["Ada"]


async def test_a_record_that_is_retried_brings_its_name(database: str, connection: Connection) -> None:
    """As every other way in; and with `ids` none."""
    lost = [event("user_updated", tenant=None, user_id="1", name="Ada"), event("user_updated", tenant=None, user_id="2")]
    await write(database, *lost)
    ids = [row["id"] for row in await connection.fetch("SELECT id FROM quarantine ORDER BY position")]
    assert (await quarantine.retry(connection, Rules("school", people="names"), NOW, ids=ids[:1])).understood == 1
    assert [row["name"] for row in await held(connection, "school")] == ["Ada"]
    assert (await quarantine.retry(connection, Rules("school"), NOW, ids=ids[1:])).understood == 1
    assert await held(connection, "school") == []


async def test_names_that_the_database_refuses_send_their_event_to_quarantine(database: str, connection: Connection) -> None:
    """Alone; nothing of it is lost, and the others of its batch are written with their names."""
    await connection.execute("ALTER TABLE person_name ADD CONSTRAINT no_bo CHECK (name <> 'Bo')")
    two_in_one_record = [user(4, name="Bo"), user(5, name="Di")]
    told = user(1, name="Ada"), user(2, name="Bo"), user(3, name="Cy")
    assert await write(database, *told, two_in_one_record, rules=NAMES) == Books(applied=3, quarantined=2)
    assert [row["name"] for row in await held(connection)] == ["Ada", "Cy", "Di"]
    refused = await connection.fetch("SELECT message, convert_from(raw, 'UTF8') AS raw FROM quarantine ORDER BY position")
    assert [row["raw"].count('"Bo"') for row in refused] == [1, 1]
    assert not any("Bo" in row["message"] or "Di" in row["raw"] for row in refused)


# -- taken out --


async def test_another_setting_takes_the_names_out_and_says_how_many(database: str, connection: Connection) -> None:
    """With them what unknown members of users and enrolments say, and of nothing else; `names` takes out nothing."""
    told = [user(id_, name="Ada", email="ada@example.edu") for id_ in (1, 2)]
    told += [event("enrollment_updated", email="ada@example.edu"), event("enrollment_updated", tenant="another", email="b")]
    told += [event("learning_outcome_result_updated", login="ada"), event("rubric_assessed", login="ada")]
    await write(database, *told, rules=NAMES)
    left = "SELECT table_name, count(*) FROM unknown_value GROUP BY 1 ORDER BY 1"
    store = Store(database, statement_seconds=10)
    with capture_logs() as lines:
        await store.remove_names("names")
    assert lines == []
    assert len(await held(connection)) == 2
    assert [row[0] for row in await connection.fetch(left)][:2] == ["canvas_user", "enrollment"]
    others: tuple[People, ...] = ("ids", "off")
    for people in others:
        with capture_logs() as lines:
            await store.remove_names(people)
        said = [line for line in lines if line["event"] == "names_removed"]
        assert [line["people"] for line in said] == ([2] if people == "ids" else [])
        assert await held(connection) == []
        assert [row[0] for row in await connection.fetch(left)] == ["learning_outcome_result", "rubric_assessment"]
    await store.close()


async def test_a_retry_of_quarantine_takes_them_out_before_it_begins(database: str, connection: Connection) -> None:
    """As every command that writes; even if nothing waits for it."""
    await write(database, user(name="Ada"), rules=NAMES)
    await quarantine.retry(connection, NAMES, NOW)
    assert len(await held(connection)) == 1
    await quarantine.retry(connection, RULES, NOW)
    assert await held(connection) == []


async def test_a_worker_takes_out_what_another_process_wrote_meanwhile(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a new setting is rolled out, workers with the old one go on writing for a while."""

    async def nobody() -> bool:
        return not await held(connection)

    monkeypatch.setattr(housekeeping, "NAMES_SECONDS", 0)
    worker = Worker(Settings(), Store(database, statement_seconds=10), Metrics())
    keeping = asyncio.create_task(worker._housekeeping.run())
    try:
        for minute in range(2):
            await write(database, user(minute=minute, name="Ada"), rules=NAMES)
            await until(nobody)
    finally:
        keeping.cancel()
        await worker._partitions.source.stop()
        await worker._store.close()


async def test_unknown_values_are_taken_out_of_every_kind_about_people(connection: Connection) -> None:
    """The function names them; a new kind has to be added to it."""
    source = await connection.fetchval("SELECT prosrc FROM pg_proc WHERE proname = 'remove_names'")
    kinds = {name for name, table in TABLES.items() if table.model.about_people}
    assert {word for word in source.split("'") if word in TABLES} == kinds


# -- who sees them --


async def test_only_members_of_outcomes_people_see_names(database: str, connection: Connection) -> None:
    """A reader sees none, a reader who is also a member of it all; it alone opens no other table."""
    await write(database, user(name="Ada"), rules=NAMES)
    names, users = "SELECT name FROM person_name", "SELECT id FROM canvas_user"
    roles = {
        "reader": (("outcomes_reader",), {users}),
        "people": (("outcomes_people",), {names}),
        "both": (("outcomes_reader", "outcomes_people"), {names, users}),
        "writer": (("outcomes_writer",), {names, users}),
    }
    try:
        for role, (groups, allowed) in roles.items():
            await connection.execute(f"CREATE ROLE names_{role} IN ROLE {', '.join(groups)}; SET ROLE names_{role}")
            for statement in (names, users):
                if statement in allowed:
                    assert len(await connection.fetch(statement)) == 1, role
                else:
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await connection.fetch(statement)
            for statement in ("DELETE FROM person_name", "SELECT outcomes_internal.remove_names()") if role != "writer" else ():
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
            await connection.execute("RESET ROLE")
    finally:
        await connection.execute("RESET ROLE")
        for role in roles:
            await connection.execute(f"DROP ROLE IF EXISTS names_{role}")


async def test_a_writer_that_is_a_member_of_the_role_alone_brings_names_and_takes_them_out(
    database: str, connection: Connection
) -> None:
    """Without being the owner, who alone may delete unknown values."""
    await connection.execute("SET ROLE outcomes_writer")
    writer = Writer(connection)
    await writer.open_position(TOPIC, 0)
    await writer.write(batch_of([user(email="ada@example.edu")], rules=NAMES))
    assert len(await held(connection)) == 1
    await writer.remove_names("ids")
    assert await held(connection) == []
    assert await connection.fetchval("SELECT count(*) FROM unknown_value") == 0
    await connection.execute("RESET ROLE")


async def test_every_column_that_can_hold_a_person_says_so(connection: Connection) -> None:
    """`erase` and `disclose` go by that mark."""
    comments = await connection.fetch(
        "SELECT attname, col_description(attrelid, attnum) AS comment FROM pg_attribute "
        "WHERE attrelid = 'outcomes.person_name'::regclass AND attnum > 0"
    )
    marked = {row["attname"] for row in comments if row["comment"].endswith("Personal.")}
    assert {row["attname"] for row in comments} - marked == {"root_account_uuid", "told_at"}
    assert RULES.people == "ids", "the default stores no names"
