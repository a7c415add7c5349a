"""Each check finds a real fault and says what to do; a whole set-up has none. `feed` and its rhythm are in `test_feed.py`."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from consumer.doctor import base, inlet
from consumer.doctor.checks import BASE, FEED, INLET, NAMES, STREAM, attention, follows
from consumer.doctor.examining import Diagnosis
from consumer.engines import kafka as kafka_engine
from consumer.errors import UnreadableAddress
from consumer.query.status import status
from consumer.settings import Settings
from consumer.simulator.signing import Signer
from consumer.sources.delivering import showing
from consumer.store import schema
from consumer.store import server as servers
from consumer.store.postgres import connect
from consumer.store.trial import TENANT
from consumer.worker import probes
from migrations import HEAD
from tests.acceptance import test_worker
from tests.acceptance.running import outcomes, outcomes_json, running, send, until
from tests.conftest import execute
from tests.doctor.looking import AWAY, checked
from tests.intake import sqs
from tests.postgres.writing import write
from tests.samples import event, iso

MakeTopic = Callable[..., Awaitable[str]]
RIGHTS = """
WITH made AS (
    SELECT nspname::text AS name, nspacl AS rights FROM pg_namespace
     UNION ALL SELECT oid::regclass::text, relacl FROM pg_class
     UNION ALL SELECT attrelid::regclass || '.' || attname, attacl FROM pg_attribute
     UNION ALL SELECT oid::regprocedure::text, proacl FROM pg_proc
)
SELECT name, grantee::regrole::text, privilege_type
  FROM made CROSS JOIN aclexplode(rights)
 WHERE grantee IN (SELECT oid FROM pg_roles WHERE rolname IN ('outcomes_writer', 'outcomes_reader', 'outcomes_people',
                                                              'outcomes_serve'))
 ORDER BY 1, 2, 3
"""
"""Of the three roles, on everything in a database."""


@pytest.fixture(scope="module")
def keys() -> Signer:
    """Canvas' key; made once."""
    return Signer("https://live-events.canvas.instructure.com")


async def test_a_whole_set_up_is_healthy_and_a_made_up_event_leaves_no_row(
    database: str, kafka_bootstrap: str, topic: MakeTopic, keys: Signer, tmp_path: Path
) -> None:
    """Exit code 0 and a line for each check; afterwards the books add up. Slow: a worker starts."""
    name, now = await topic(2), iso(datetime.now(UTC))
    variables = test_worker.settings(database, kafka_bootstrap, name, OUTCOMES_DATA_FOLDER=str(tmp_path))
    variables |= {"OUTCOMES_INTAKE_SPOOL_BYTES": "1000"}
    async with running("worker", **variables), showing(keys.jwks()) as jwks:
        await send(kafka_bootstrap, name, [event("heartbeat", at=now), event("course_created", at=now)])

        async def is_healthy() -> Any:
            found = await outcomes_json("doctor", OUTCOMES_INTAKE_JWKS_URL=jwks, **variables)
            return None if found["needs_attention"] else found

        found = await until(is_healthy)
        assert [check["name"] for check in found["checks"]] == [
            name for name in NAMES if name not in ("sqs", "intake", "canvas")
        ]
        assert {check["state"] for check in found["checks"]} == {"ok"}
        code, out, err = await outcomes("doctor", "--canvas", OUTCOMES_INTAKE_JWKS_URL=jwks, **variables)
    assert (code, err) == (0, ""), out
    assert out.splitlines()[-1].startswith("ok         canvas      the made-up event was taken")
    rows = "SELECT count(*) FROM outcomes.learning_outcome_version"
    counted = "SELECT events FROM outcomes.ignored_event WHERE event_name = '(trial)'"
    assert await _values(database, rows, counted) == [0, 1]


async def test_what_needs_attention_is_said_with_what_to_do_and_ends_with_1(database: str, tmp_path: Path) -> None:
    """A name that is no check is refused, and one that is left out is said to be."""
    variables = {"DATABASE_URL": database, "OUTCOMES_DATA_FOLDER": str(tmp_path), "OUTCOMES_INTAKE_SECRET": "x" * 16}
    await write(database, b"{")
    code, out, _ = await outcomes("doctor", "--direct", "--skip", "disk", **variables)
    assert code == 1
    assert "ATTENTION  quarantine  1 records wait in quarantine: not_json 1\n" in out
    assert "→ `outcomes quarantine list`\n" in out
    assert "skipped    disk        left out by --skip\n" in out
    for arguments in (("--skip", "disc"), ("--to", "https://events.example.edu/events")):
        assert (await outcomes("doctor", *arguments, **variables))[0] == 2
    code, _, err = await outcomes("doctor", "--canvas", "--to", "https://events.example.edu/events", DATABASE_URL=database)
    assert (code, "--to needs OUTCOMES_INTAKE_SECRET" in err) == (2, True)


async def test_keys_that_cannot_be_fetched_are_found(keys: Signer) -> None:
    """Nobody there, and an answer without a key."""
    asked = [name for name in NAMES if name != "jwks"]
    for answer, expected in ((keys.jwks(), "ok"), (b'{"keys": []}', "attention")):
        async with showing(answer) as url:
            (found,) = await checked(asked, intake_jwks_url=url)
        assert found.state == expected, found
    assert found.found == f"{url} answers, but not with keys"
    (found,) = await checked(asked, intake_jwks_url=f"http://{AWAY}/jwks")
    assert (found.state, "Connection refused" in found.found) == ("attention", True)
    assert "OUTCOMES_INTAKE_JWKS_URL" in found.advice
    (found,) = await checked(asked, intake_secret="x" * 16)
    assert found.state == "ok"


async def test_a_queue_that_loses_events_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is missing, and one without a redrive policy."""
    asked = [name for name in NAMES if name != "sqs"]
    with sqs.serving() as aws:
        for variable, value in aws.variables.items():
            monkeypatch.setenv(variable, value)
        aws.make("dead")
        policy = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{sqs.REGION}:{sqs.ACCOUNT}:dead", "maxReceiveCount": "50"})
        aws.make("whole", RedrivePolicy=policy)
        aws.make("bare")
        (found,) = await checked(asked, intake_queue="whole")
        assert found.state == "ok", found
        (found,) = await checked(asked, intake_queue="whole,bare")
        assert (found.state, "bare has no redrive policy" in found.found) == ("attention", True)
        (found,) = await checked(asked, intake_queue="whole,none")
        assert (found.state, "there is no queue none" in found.found) == ("attention", True)
        aws.send("dead", ["{}"])
        (found,) = await checked([name for name in asked if name != "jwks"], intake_queue="whole")  # it needs no keys
        assert (found.state, "1 of whole" in found.found) == ("attention", True)


async def test_a_disk_without_room_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is in the spool already needs no more room. A file that goes meanwhile does no harm."""
    asked = [name for name in NAMES if name != "disk"]
    (found,) = await checked(asked, data_folder=tmp_path / "not" / "yet", intake_spool_bytes=1)
    assert found.state == "ok", found
    monkeypatch.setattr(inlet, "LEAST_FREE", 1.0)
    (found,) = await checked(asked, data_folder=tmp_path, intake_spool_bytes=1)
    assert (found.state, "OUTCOMES_DATA_FOLDER" in found.advice) == ("attention", True)
    (tmp_path / "intake").mkdir()
    (tmp_path / "intake" / "1.spool").write_bytes(b"x" * 100)
    (tmp_path / "intake" / "2.spool").symlink_to("sent")  # glob finds it, stat does not
    assert inlet._spooled(tmp_path / "intake") == 100
    (tmp_path / "intake" / "3.spool").symlink_to("3.spool")
    (found,) = await checked(asked, data_folder=tmp_path)
    assert (found.state, found.found) == ("unknown", f"{tmp_path} cannot be read (Too many levels of symbolic links)")


async def test_faults_of_the_topic_are_found(kafka_bootstrap: str, topic: MakeTopic) -> None:
    """One that is missing, that keeps its records for an hour, that is compacted; and a group without a worker."""
    asked = [name for name in NAMES if name not in STREAM]
    name = await topic(3)
    short, compacted = await topic(1, **{"retention.ms": "3600000"}), await topic(1, **{"cleanup.policy": "compact"})
    at = {"kafka_bootstrap_servers": kafka_bootstrap, "group_id": f"group-of-{name}"}
    partitions, retention, group = await checked(asked, topic=(name,), **at)
    assert (partitions.state, retention.state) == ("ok", "ok"), (partitions, retention)
    assert "partitions: 3" in partitions.found
    assert (group.state, "outcomes worker" in group.advice) == ("attention", True), group
    missing, nothing, _ = await checked(asked, topic=(name[:-1],), **at)
    assert (missing.state, nothing) == ("attention", follows("retention", "topic"))
    assert f"kafka-topics.sh --bootstrap-server {kafka_bootstrap} --create --topic {name[:-1]} " in missing.advice
    assert f"did you mean {name}" in missing.found
    (hour,) = await checked([*asked, "topic", "group"], topic=(short,), **at)
    assert (hour.state, "for 1 h" in hour.found, "retention.ms=604800000" in hour.advice) == ("attention", True, True)
    (lost,) = await checked([*asked, "topic", "group"], topic=(compacted,), **at)
    assert (lost.state, "cleanup.policy=delete" in lost.advice) == ("attention", True)


async def test_a_kafka_that_is_away_is_said_and_no_check_passes() -> None:
    """The first line has the reason, the others point to it."""
    found = await checked([name for name in NAMES if name not in STREAM], kafka_bootstrap_servers=AWAY)
    assert [check.state for check in found] == ["unknown"] * 3
    assert f"no Kafka at {AWAY}" in found[0].found
    assert {check.found for check in found[1:]} == {"cannot be checked: see `topic`"}


async def test_a_database_that_is_away_is_said_and_no_check_passes() -> None:
    """All that asks it is unknown, which needs attention. The first check that is made has the reason."""
    found = await checked([*INLET, *STREAM])
    assert Diagnosis(tuple(found)).needs_attention
    assert [check.name for check in found] == [*BASE, *FEED]
    assert {check.state for check in found} == {"unknown"}
    assert found[0].found == f"nobody listens at {AWAY}"
    assert found[1:] == [follows(name, "database") for name in (*BASE, *FEED) if name != "database"]
    found = await checked([*INLET, *STREAM, "database"])
    assert found[0].found == f"nobody listens at {AWAY}"
    assert found[1].found == "cannot be checked: see `roles`"


async def test_each_cause_of_a_database_that_cannot_be_asked_has_its_own_advice(database: str, login: str) -> None:
    """A missing database, none at all, an address that is none, and a login that may see nothing."""
    asked = [name for name in NAMES if name != "database"]
    (found,) = await checked(asked, urlunsplit(urlsplit(database)._replace(path="/none")))
    assert (found.state, "CREATE DATABASE" in found.advice) == ("unknown", True)
    (found,) = await checked(asked, None)
    assert (found.state, found.advice) == ("unknown", "set DATABASE_URL")
    with pytest.raises(UnreadableAddress):
        await checked(asked, "mysql://host/database")
    await execute(database, f"REVOKE outcomes_reader FROM {urlsplit(login).username}")
    everything = await checked([*INLET, *STREAM], login, canvas=True)
    assert everything[len(BASE) :] == [follows(name, "roles") for name in (*FEED, "canvas")]


async def test_without_an_address_no_database_is_made(tmp_path: Path) -> None:
    """And an address that cannot be read ends with 2, as any setting that is wrong; names to skip may stand in one text."""
    skip = ("--skip", ",".join((*INLET, *STREAM)))
    code, out, err = await outcomes("doctor", *skip, OUTCOMES_DATA_FOLDER=str(tmp_path))
    assert (code, err, list(tmp_path.iterdir())) == (1, "", [])
    assert "UNKNOWN    database    no database is configured\n" in out
    code, out, err = await outcomes("doctor", *skip, "--json", DATABASE_URL="mysql://host/database")
    assert (code, out, "the database address cannot be read" in err) == (2, "", True)


async def test_faults_of_the_database_are_found(
    database: str, empty_database: str, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No schema, another one, a role that is missing, a login that cannot write, a standby, a clock that is wrong."""
    asked = {name: [one for one in NAMES if one != name] for name in BASE}
    for name in BASE:
        (found,) = await checked(asked[name], database)
        assert found.state == "ok", found
    (found,) = await checked(asked["schema"], empty_database)
    assert (found.state, found.advice) == ("attention", "run `outcomes migrate`")
    await execute(database, "UPDATE outcomes.alembic_version SET version_num = '0001'")
    (found,) = await checked(asked["schema"], database)
    await execute(database, "UPDATE outcomes.alembic_version SET version_num = '0002'")
    assert (found.state, "is at schema 0001" in found.found) == ("attention", True)
    (found,) = await checked(asked["roles"], login)
    assert (found.state, "GRANT outcomes_writer TO doctor_" in found.advice) == ("attention", True)
    who, where = urlsplit(login).username, urlsplit(database).path[1:]
    await execute(database, f"GRANT outcomes_writer TO {who}", f'REVOKE TEMPORARY ON DATABASE "{where}" FROM PUBLIC')
    (found,) = await checked(asked["roles"], login)
    assert (found.state, "GRANT TEMPORARY ON DATABASE" in found.advice) == ("attention", True)
    await execute(database, f'GRANT TEMPORARY ON DATABASE "{where}" TO PUBLIC')
    assert (await checked(asked["roles"], login))[0].state == "ok"
    monkeypatch.setattr(servers, "ROLES", ["outcomes_writer", "outcomes_nobody"])
    (found,) = await checked(asked["roles"], database)
    assert (found.state, "CREATE ROLE outcomes_nobody NOLOGIN;" in found.advice) == ("attention", True)
    await execute(database, f'ALTER DATABASE "{where}" SET default_transaction_read_only = on')
    (found,) = await checked(asked["database"], database)
    await execute(database, "SET default_transaction_read_only = off", f'ALTER DATABASE "{where}" RESET ALL')
    assert (found.state, "takes no writes" in found.found) == ("attention", True)
    for skew in (-60, 60):
        (found,) = await checked(asked["clock"], database, clock=partial(_skewed, skew))
        assert (found.state, "NTP" in found.advice) == ("attention", True)


async def test_rights_that_a_role_has_lost_are_found_and_migrate_grants_them_again(database: str) -> None:
    """As after DROP OWNED and DROP ROLE. Every right of a new database comes back, and no other."""
    asked = [one for one in NAMES if one != "roles"]
    connection = await connect(database)
    new = await connection.fetch(RIGHTS)
    await connection.execute("REVOKE INSERT ON stream_gap FROM outcomes_writer")
    (found,) = await checked(asked, database)
    assert found.state == "attention"
    assert found.found == "GRANT INSERT ON outcomes.stream_gap TO outcomes_writer is missing"
    await connection.execute("DROP OWNED BY outcomes_writer, outcomes_reader, outcomes_people, outcomes_serve")
    (found,) = await checked(asked, database)
    assert (found.state, "outcomes migrate" in found.advice) == ("attention", True)
    migrated = await schema.migrate(database)
    assert (migrated.before, migrated.objects, len(migrated.grants) > 100) == (HEAD, (), True)
    assert await connection.fetch(RIGHTS) == new
    connection.terminate()
    assert (await checked(asked, database))[0].state == "ok"
    assert await schema.migrate(database) == schema.Migrated(HEAD, HEAD)


async def test_what_would_lose_confirmed_rows_or_sessions_is_found(database: str) -> None:
    """Settings of a server that no test may change for others: the answer of a real one, changed."""
    connection = await connect(database)
    found = await servers.server(connection)
    connection.terminate()
    assert base.settings_of(found, Settings()).state == "ok"
    unsafe = base.settings_of(replace(found, switched_off=["fsync = off"]), Settings())
    assert (unsafe.state, "ALTER SYSTEM SET fsync = on" in unsafe.advice) == ("attention", True)
    crowded = base.settings_of(replace(found, sessions=91, most_sessions=100), Settings())
    assert (crowded.state, "max_connections" in crowded.advice) == ("attention", True)


async def test_a_made_up_event_without_kafka_goes_through_the_intake_into_the_database(database: str, login: str) -> None:
    """And is taken out again, under a source of its own; a login that may not delete sends none."""
    skip = [name for name in NAMES if name != "canvas"]
    (found,) = await checked(skip, database, direct=True, canvas=True)
    assert found.state == "ok", found
    counted = "SELECT applied, ignored, last_event_time FROM outcomes.stream_position WHERE source = 'intake:doctor'"
    connection = await connect(database)
    assert tuple(await connection.fetchrow(counted) or ()) == (0, 1, None)  # no event of the feed, so `status` has no newest
    assert (await status(connection, schema=HEAD)).freshness is None
    connection.terminate()
    (found,) = await checked(skip, login, direct=True, canvas=True)
    assert (found.state, "owner" in found.advice) == ("unknown", True)


async def test_a_made_up_event_that_nobody_reads_is_found_and_taken_out_when_it_comes(
    database: str, kafka_bootstrap: str, topic: MakeTopic
) -> None:
    """As where no worker runs: the next made-up event takes out what came late of the one before."""
    skip, name = [one for one in NAMES if one != "canvas"], await topic(1)
    at = {"kafka_bootstrap_servers": kafka_bootstrap, "topic": (name,)}
    (found,) = await checked(skip, database, canvas=True, seconds=1.0, **at)
    assert (found.state, "no row came within 1 s" in found.found) == ("attention", True)
    await outcomes("worker", "--until-end", **test_worker.settings(database, kafka_bootstrap, name))
    tenants = f"SELECT count(*) FROM outcomes.learning_outcome WHERE root_account_uuid = '{TENANT}'"
    assert await _values(database, tenants) == [1]
    (found,) = await checked(skip, database, canvas=True, seconds=1.0, **at)
    assert found.state == "attention"
    assert await _values(database, tenants) == [0]


async def test_a_running_intake_is_asked_and_deliveries_need_its_secret(database: str, free_port: int, tmp_path: Path) -> None:
    """With it the made-up event goes through that intake. Slow: an intake starts."""
    skip, secret = [one for one in NAMES if one != "canvas"], "a-secret-of-the-test"
    port = kafka_engine.free_port()
    variables = {"DATABASE_URL": database, "OUTCOMES_DATA_FOLDER": str(tmp_path), "OUTCOMES_HTTP_PORT": str(port)}
    to, asked = f"http://127.0.0.1:{free_port}/events", f"http://127.0.0.1:{port}/"
    (found,) = await checked([one for one in NAMES if one != "intake"], intake=asked)
    assert (found.state, "OUTCOMES_HTTP_PORT" in found.advice) == ("attention", True)
    (found,) = await checked(skip, database, direct=True, canvas=True, to=to, intake_secret=secret, seconds=1.0)
    assert (found.state, f"nobody listens at 127.0.0.1:{free_port}" in found.found) == ("attention", True)
    async with running(
        "intake", "https", "--direct", "--port", str(free_port), OUTCOMES_INTAKE_SECRET=secret, **variables
    ) as intake:
        await intake.says('"listening"')
        (found,) = await checked(skip, database, direct=True, canvas=True, to=to, intake_secret="another-of-the-test")
        assert "refuses an event (401): the secret is missing or wrong" in found.found
        (found,) = await checked(skip, database, direct=True, canvas=True, to=f"{to}x", intake_secret=secret)
        assert "refuses an event (404): deliver to /events" in found.found
        (found,) = await checked(skip, database, direct=True, canvas=True, to=to, intake_secret=secret)
        assert found.state == "ok", found
        (found,) = await checked([one for one in NAMES if one != "intake"], intake=asked)
        assert (found.state, "has stored 1 events" in found.found) == ("ok", True), found
    counted = "SELECT ignored FROM outcomes.stream_position WHERE source = 'intake:https'"
    assert await _values(database, counted) == [1]


def _skewed(seconds: int) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def test_an_intake_that_cannot_store_is_said_and_a_worker_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what its probes answer."""
    said = {"readyz": (503, "waiting for room on the spool's disk\n"), "metrics": (200, "outcomes_intake_spool_events 3.0\n")}

    async def ask(url: str) -> tuple[int, str]:
        return said[url.rpartition("/")[2]]

    monkeypatch.setattr(probes, "ask", ask)
    assert await inlet.intake("http://x") == attention(
        "intake", "http://x is no intake", "name the probes of the intake (OUTCOMES_HTTP_PORT)"
    )
    said["metrics"] = (200, f'# TYPE a counter\noutcomes_intake_stored_total 2000.0\n{said["metrics"][1]}a{{b="c d"}} 1\n')
    found = await inlet.intake("http://x/")
    assert found.state == "attention"
    assert found.found == (
        "http://x has stored 2,000 events since it was started, and 3 wait in its spool; "
        "it is waiting for room on the spool's disk"
    )


async def _values(dsn: str, *statements: str) -> list[Any]:
    connection = await connect(dsn)
    try:
        return [await connection.fetchval(statement) for statement in statements]
    finally:
        connection.terminate()
