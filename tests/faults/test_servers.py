"""Servers as they are found: of every version that will do, set up by somebody else for something else, or behind a pooler."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import pytest

from consumer.errors import Fatal, Transient
from consumer.store import schema
from consumer.store.postgres import Connection, connect
from tests.acceptance.running import outcomes, outcomes_json, running, send, until
from tests.acceptance.test_replay import ndjson
from tests.acceptance.test_worker import consumed, settings
from tests.conftest import execute, named
from tests.faults.cluster import VERSIONS, LocalPostgres
from tests.faults.pooler import PGBOUNCER, Pooler, message, pgbouncer, refusal, startup
from tests.postgres.writing import write
from tests.samples import Event, result
from tests.scratch import folder
from tests.worlds import COURSES, OUTCOMES, STUDENTS, World

NewTopic = Callable[..., Awaitable[str]]

TURNED = {
    "search_path": "evil, pg_catalog",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "statement_timeout": "300ms",
    "lock_timeout": "300ms",
    "idle_in_transaction_session_timeout": "300ms",
    "idle_session_timeout": "800ms",
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "escape_string_warning": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "plpgsql.check_asserts": "off",
    "plpgsql.extra_errors": "all",
    "plpgsql.variable_conflict": "use_variable",
    "check_function_bodies": "off",
    "exit_on_error": "on",
    "row_security": "off",
    "TimeZone": "Australia/Lord_Howe",
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "xmloption": "document",
    "client_encoding": "LATIN1",
    "default_tablespace": "pg_default",
    "default_toast_compression": "pglz",
    "session_replication_role": "replica",
    "synchronous_commit": "off",
    "constraint_exclusion": "on",
    "enable_hashagg": "off",
    "enable_hashjoin": "off",
    "enable_partition_pruning": "off",
    "enable_seqscan": "off",
    "enable_sort": "off",
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",
    "cursor_tuple_fraction": "0.001",
    "client_min_messages": "debug1",
}
TURNED_SINCE = {
    16: {"debug_parallel_query": "on", "createrole_self_grant": "set, inherit"},
    17: {"transaction_timeout": "300ms", "restrict_nonsystem_relation_kind": "view"},
}
"""Settings of newer versions."""


LEFT_TO_ADMINISTRATORS = {
    # Plans, and what they cost: the answers are the same.
    *(name for name in TURNED if name.startswith(("enable_", "jit"))),
    *("plan_cache_mode", "cursor_tuple_fraction", "constraint_exclusion", "debug_parallel_query", "default_toast_compression"),
    # What the server says and to whom, how soon a commit is on disk (rows and positions go together), and what roles are made.
    *("client_min_messages", "escape_string_warning", "synchronous_commit", "createrole_self_grant"),
    # A superuser's alone. Triggers always fire, and each function says how it reads its names.
    *("session_replication_role", "plpgsql.variable_conflict"),
    "application_name",
}


def turned(version: int) -> dict[str, str]:
    """All that this version can be told."""
    newer = (value for since, more in TURNED_SINCE.items() if version >= since for value in more.items())
    return TURNED | dict(newer)


@pytest.fixture(scope="module", params=sorted(VERSIONS))
def version(request: pytest.FixtureRequest) -> int:
    """Each that can be had."""
    found: int = request.param
    if not (VERSIONS[found] / "initdb").exists():
        pytest.skip(f"PostgreSQL {found} is not installed: Debian has it as postgresql-{found}")
    return found


@pytest.fixture(scope="module")
def server(version: int) -> Iterator[LocalPostgres]:
    """A server of that version."""
    with folder() as place:
        postgres = LocalPostgres(place / "postgres", programs=VERSIONS[version]).start()
        try:
            yield postgres
        finally:
            postgres.stop("immediate")


@pytest.fixture(scope="module")
def newest() -> Iterator[LocalPostgres]:
    """A server of the newest version, for what does not depend on it."""
    with folder() as place:
        postgres = LocalPostgres(place / "postgres").start()
        try:
            yield postgres
        finally:
            postgres.stop("immediate")


def by(user: str, dsn: str) -> str:
    """The address, for another user."""
    address = urlsplit(dsn)
    return urlunsplit(address._replace(netloc=f"{user}@{address.netloc.rpartition('@')[2]}"))


async def fresh(server: LocalPostgres, database: str, *statements: str) -> str:
    """A database of `owner`, who is no superuser and may make roles; its address as the administrator."""
    await execute(
        server.dsn,
        "DO $$ BEGIN CREATE ROLE owner LOGIN CREATEROLE; EXCEPTION WHEN duplicate_object THEN END $$",
        "DO $$ BEGIN CREATE ROLE bridge LOGIN; EXCEPTION WHEN duplicate_object THEN END $$",
        f"DROP DATABASE IF EXISTS {database} WITH (FORCE)",
        f"CREATE DATABASE {database}",
    )
    dsn = named(server.dsn, database)
    await execute(
        dsn,
        f"GRANT CREATE ON DATABASE {database} TO owner",
        "CREATE SCHEMA evil",
        "GRANT USAGE ON SCHEMA evil TO PUBLIC",
        "CREATE FUNCTION evil.pg_backend_pid() RETURNS integer LANGUAGE sql AS 'SELECT 0'",
        "CREATE FUNCTION evil.current_setting(text, boolean) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'",
        *statements,
    )
    return dsn


def assignment(name: str, value: str) -> str:
    """What stands behind ALTER … SET."""
    return f"{name} = {value}" if name == "search_path" else f"{name} = '{value}'"


async def session(dsn: str) -> dict[str, str]:
    """The settings of a session of ours."""
    connection = await connect(dsn)
    try:
        await connection.execute("DO $$ BEGIN END $$")  # loads the language, whose settings are unknown before
        return {row["name"]: row["setting"] for row in await connection.fetch("SELECT name, setting FROM pg_settings")}
    finally:
        await connection.close()


async def test_a_session_has_our_settings_whoever_has_set_others(server: LocalPostgres, version: int) -> None:
    """For the database, the role, the role in the database, or in the address itself; what is left is administrators'."""
    dsn = await fresh(server, "settings")
    ours, others = await session(by("owner", dsn)), turned(version)

    async def differing(address: str) -> set[str]:
        found = await session(address)
        return {name for name in ours if found[name] != ours[name] and not name.startswith("tcp_keepalives")}

    for whose in ("DATABASE settings", "ROLE owner", "ROLE owner IN DATABASE settings"):
        await execute(server.dsn, *(f"ALTER {whose} SET {assignment(*setting)}" for setting in others.items()))
        different = await differing(by("owner", dsn))
        await execute(server.dsn, f"ALTER {whose} RESET ALL")
        assert {"enable_sort"} <= different <= LEFT_TO_ADMINISTRATORS, whose
    told = (
        f"-c {name}={value.replace(' ', chr(92) + ' ')}"
        for name, value in others.items()
        if name not in ("session_replication_role", "plpgsql.variable_conflict")  # which only a superuser may set
    )
    different = await differing(f"{by('owner', dsn)}?options={quote(' '.join(told))}")
    assert {"enable_sort"} <= different <= LEFT_TO_ADMINISTRATORS


def told(seeds: int) -> list[Event]:
    """Institutions of every kind of event, and enough results for batches that are staged while others are committed."""
    events = [event for seed in range(seeds) for event in World(seed).events()]
    return events + [result(id_, minute=id_ % 50, score=float(id_ % 5)) for id_ in range(1000, 1300)]


async def mastery(dsn: str) -> list[str]:
    """All rollups and all their moments, as a reader sees them."""
    connection = await connect(dsn)
    try:
        rows = await connection.fetch("SELECT to_jsonb(r)::text FROM outcome_rollup r ORDER BY 1")
        rows += await connection.fetch("SELECT to_jsonb(s)::text FROM course_outcome_summary s ORDER BY 1")
        rows += await connection.fetch(
            "SELECT t::text FROM (SELECT * FROM outcome_rollup ORDER BY 1, 2, 3, 4 LIMIT 20) r CROSS JOIN LATERAL "
            "mastery_timeline(r.root_account_uuid, r.course_id, r.user_uuid, r.learning_outcome_id) t ORDER BY 1"
        )
        return [row[0] for row in rows]
    finally:
        await connection.close()


@pytest.mark.timeout(300)
async def test_a_server_with_every_setting_turned_comes_to_the_same(
    server: LocalPostgres,
    version: int,
    database: str,
    kafka_bootstrap: str,
    topic: NewTopic,
    tmp_path: Path,
) -> None:
    """Migrated, replayed into and worked on by logins that are no superusers: the same digest and the same mastery."""
    dsn = await fresh(
        server, "turned", *(f"ALTER DATABASE turned SET {assignment(*setting)}" for setting in turned(version).items())
    )
    environment = {"PGOPTIONS": "-c default_transaction_isolation=serializable", "OUTCOMES_BATCH_SIZE": "50"}
    code, _, err = await outcomes("migrate", DATABASE_URL=by("owner", dsn), **environment)
    assert code == 0, err
    await execute(server.dsn, "GRANT outcomes_writer TO bridge")
    events = told(1)
    half = len(events) // 2
    (tmp_path / "events.ndjson").write_bytes(ndjson(events[half:]))
    replayed = await outcomes_json("replay", str(tmp_path / "events.ndjson"), DATABASE_URL=by("bridge", dsn), **environment)
    name = await topic(partitions=2)
    await send(kafka_bootstrap, name, events[:half])
    worked = await outcomes_json("worker", "--until-end", **settings(by("bridge", dsn), kafka_bootstrap, name, **environment))
    assert (replayed["consumed"], worked["consumed"]) == (len(events) - half, half)
    await write(database, *events)
    assert await mastery(by("bridge", dsn)) == await mastery(database)
    found, expected = [await outcomes_json("verify", DATABASE_URL=where) for where in (by("bridge", dsn), database)]
    assert (found["digest"], found["holds"]) == (expected["digest"], True)
    for command in (("retain", "--since", "2015", "--dry-run"), ("token", "list"), ("migrate", "--check")):
        code, _, err = await outcomes(*command, DATABASE_URL=by("owner", dsn), **environment)
        assert code == 0, err


async def test_functions_answer_the_same_whatever_search_path_their_caller_has(database: str) -> None:
    """Grafana's, for instance, which knows nothing of our schema."""
    await write(database, *World(1).events())
    world = World(1)
    given: dict[str, object] = {
        **dict.fromkeys(("tenant", "root_account_uuid"), world.tenant),
        **dict.fromkeys(("course", "course_id", "context_id", "result_context_id"), COURSES[0]),
        **dict.fromkeys(("student", "user_uuid"), STUDENTS[0]),
        **dict.fromkeys(("outcome", "learning_outcome_id"), OUTCOMES[0]),
        **dict.fromkeys(("context_type", "result_context_type", "kind"), "Course"),
        "students": STUDENTS,
        "calculation_method": "decaying_average",
        "values": [1.0, 2.0, 3.0],
        "years": [2031],
    }
    connection = await connect(database)
    functions = await connection.fetch(
        "SELECT p.oid::regprocedure::text AS name, format('%s.%s', p.pronamespace::regnamespace, p.proname) AS function, "
        "coalesce(p.proargnames[:p.pronargs], '{}')::text[] AS names, "
        "array(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) t) AS types "
        "FROM pg_proc p WHERE p.pronamespace::regnamespace::text LIKE 'outcomes%' AND p.prokind = 'f' ORDER BY 1"
    )
    assert len(functions) > 50
    answered = 0
    for function in functions:
        arguments = ", ".join(f"${place}::{kind}" for place, kind in enumerate(function["types"], 1))
        values = [given.get(name) for name in function["names"]]
        question = f"SELECT f::text FROM {function['function']}({arguments}) f ORDER BY 1"
        answers = [await _answer(connection, path, question, values) for path in ("outcomes", "", "public, pg_temp")]
        assert answers[0] == answers[1] == answers[2], function["name"]
        answered += answers[0][0] is None and any(answers[0][1])
    assert answered > 20
    await connection.close()


async def _answer(connection: Connection, path: str, question: str, values: list[object]) -> tuple[str | None, list[str]]:
    """The error's code or None, and the rows. Nothing of it stays."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("SELECT set_config('search_path', $1, true)", path)
        return None, [row[0] for row in await connection.fetch(question, *values)]
    except asyncpg.PostgresError as error:
        return error.sqlstate, []
    finally:
        await transaction.rollback()


COMMANDS = (
    ("migrate",),
    ("migrate", "--check"),
    ("worker", "--until-end"),
    ("replay", "events.ndjson"),
    ("replay", "--dry-run", "events.ndjson"),
    ("status", "--no-lag"),
    ("verify",),
    ("history", "result", "1"),
    ("explain", "result", "1"),
    ("gradebook", "--course", "1"),
    ("scale", "--course", "1"),
    ("timeline", "--course", "1", "--student", "x", "--outcome", "1"),
    ("account-level-scales",),
    ("quarantine", "list"),
    ("quarantine", "retry", "--all"),
    ("letters", "list"),
    ("retain", "--since", "2015"),
    ("backfill",),
    ("reconcile",),
    ("token", "list"),
    ("serve",),
)


SOME_COMMANDS = (("migrate",), ("worker",), ("replay", "events.ndjson"), ("status", "--no-lag"), ("serve",), ("backfill",))
"""One for each of the ways by which commands connect."""


async def said_by(dsn: str, *commands: tuple[str, ...], folder: Path, **variables: str) -> dict[str, tuple[int, str]]:
    """What each of these commands says on stderr, and how it ends."""
    (folder / "events.ndjson").write_bytes(ndjson([result(1)]))
    environment = {
        "DATABASE_URL": dsn,
        "OUTCOMES_CANVAS_URL": "http://127.0.0.1:9",
        "OUTCOMES_CANVAS_TOKEN": "x",
        "OUTCOMES_HTTP_PORT": "0",
        "OUTCOMES_SERVE_PORT": "0",
    } | variables
    turns = asyncio.Semaphore(4)

    async def one(command: tuple[str, ...]) -> tuple[int, str]:
        arguments = [str(folder / word) if word.endswith(".ndjson") else word for word in command]
        async with turns:
            code, _, err = await outcomes(*arguments, **environment)
        return code, err

    return dict(zip(map(" ".join, commands), await asyncio.gather(*map(one, commands)), strict=True))


async def test_a_pooler_in_transaction_mode_is_named_by_every_command(
    newest: LocalPostgres, tmp_path: Path, kafka_bootstrap: str
) -> None:
    """Before anything is written through it, and before its sessions have got any setting of ours."""
    dsn = await fresh(newest, "pooled")
    async with Pooler(newest.port, transactions=True).listening() as port:
        pooled = f"postgresql://owner@127.0.0.1:{port}/pooled"
        said = await said_by(pooled, *COMMANDS, folder=tmp_path, KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap)
        through = await asyncpg.connect(pooled)
        assert await through.fetchval("SHOW search_path") == '"$user", public'
        await through.close()
    for command, (code, err) in said.items():
        assert (code, "the database address leads to a connection pooler in transaction mode" in err) == (2, True), (
            command,
            err,
        )
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT to_regnamespace('outcomes')") is None
    await connection.close()


async def test_a_pooler_that_refuses_start_up_parameters_is_named_by_every_command(
    newest: LocalPostgres, tmp_path: Path, kafka_bootstrap: str
) -> None:
    """It says so as if the protocol had been violated (08P01), which waiting does not mend."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await startup(reader, writer)
        writer.write(refusal("unsupported startup parameter: search_path"))
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    dsn = f"postgresql://owner@127.0.0.1:{server.sockets[0].getsockname()[1]}/db"
    said = await said_by(dsn, *SOME_COMMANDS, folder=tmp_path, KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap)
    server.close()
    for command, (code, err) in said.items():
        sentence = "a connection pooler at the database address refuses what a session starts with"
        assert (code, sentence in err) == (2, True), (command, err)


@pytest.mark.parametrize("real", [False, True])
async def test_a_pooler_in_session_mode_does(
    real: bool, newest: LocalPostgres, database: str, kafka_bootstrap: str, topic: NewTopic, tmp_path: Path
) -> None:
    """It is migrated, replayed and worked through, although it takes no start-up parameter of ours."""
    if real and PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed: Debian has it as pgbouncer")
    await fresh(newest, "sessions")
    name = await topic(partitions=2)
    await send(kafka_bootstrap, name, [result(id_) for id_ in range(1, 21)])
    (tmp_path / "events.ndjson").write_bytes(ndjson([result(id_, minute=1) for id_ in range(1, 21)]))
    async with through(newest, real, "session", tmp_path / "pooler") as port:
        dsn = f"postgresql://postgres@127.0.0.1:{port}/sessions"
        assert (await outcomes("migrate", DATABASE_URL=dsn))[0] == 0
        replayed = await outcomes_json("replay", str(tmp_path / "events.ndjson"), DATABASE_URL=dsn)
        worked = await outcomes_json("worker", "--until-end", **settings(dsn, kafka_bootstrap, name))
        assert (replayed["applied"], worked["superseded"]) == (20, 20)
        await write(database, *(result(id_, minute=minute) for id_ in range(1, 21) for minute in (0, 1)))
        found, expected = [await outcomes_json("verify", DATABASE_URL=where) for where in (dsn, database)]
    assert (found["digest"], found["holds"]) == (expected["digest"], True)


@asynccontextmanager
async def through(server: LocalPostgres, real: bool, mode: str, place: Path) -> AsyncIterator[int]:
    """The port of a pooler, PgBouncer or ours."""
    if real:
        with folder() as readable, pgbouncer(server, mode, readable / "pgbouncer") as port:
            yield port
    else:
        async with Pooler(server.port, transactions=mode != "session").listening() as port:
            yield port


@pytest.mark.parametrize("mode", ["transaction", "statement"])
async def test_pgbouncer_is_named_by_every_start_of_a_session(mode: str, newest: LocalPostgres, tmp_path: Path) -> None:
    """Also by several at once, where it hands its sessions round."""
    if PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed: Debian has it as pgbouncer")
    async with through(newest, True, mode, tmp_path) as port:
        attempts = [connect(f"postgresql://postgres@127.0.0.1:{port}/postgres") for _ in range(6)]
        for caught in await asyncio.gather(*attempts, return_exceptions=True):
            assert isinstance(caught, Fatal)
            assert "in transaction mode" in str(caught)


async def test_a_server_that_is_away_behind_a_pooler_is_waited_for(
    newest: LocalPostgres, kafka_bootstrap: str, topic: NewTopic, tmp_path: Path
) -> None:
    """PgBouncer has one code for all that it says: its sentence tells an outage from what waiting does not mend."""
    if PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed: Debian has it as pgbouncer")
    dsn = await fresh(newest, "away")
    assert (await outcomes("migrate", DATABASE_URL=by("owner", dsn)))[0] == 0
    name = await topic()
    with (
        folder() as readable,
        pgbouncer(newest, "session", readable / "p", server_login_retry="1", query_wait_timeout="2") as port,
    ):
        environment = settings(f"postgresql://postgres@127.0.0.1:{port}/away", kafka_bootstrap, name)
        async with running("worker", **environment) as worker:
            await send(kafka_bootstrap, name, [result(1)])
            await until(lambda: _has(dsn, 1))
            newest.stop("immediate")
            await send(kafka_bootstrap, name, [result(2)])
            await asyncio.sleep(4)
            newest.start()
            await until(lambda: _has(dsn, 2))
            code, _, err = await worker.end()
    assert code == 0, err
    assert "waiting" in err


async def _done(asked: list[bytes]) -> bool:
    return bool(asked)


async def _has(dsn: str, events: int) -> bool:
    return await consumed(dsn) == events


@pytest.mark.parametrize(("version_told", "refused"), [("14.9", True), ("14.22 (Debian 14.22-1)", True), ("15.0", False)])
async def test_a_server_that_is_too_old_is_named_before_it_is_asked_anything(version_told: str, refused: bool) -> None:
    """It has told its version when the session began."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await startup(reader, writer)
        greeting = {"server_version": version_told, "server_encoding": "UTF8", "client_encoding": "UTF8"}
        told = b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in greeting.items())
        writer.write(message(b"R", bytes(4)) + told + message(b"K", bytes(8)) + message(b"Z", b"I"))
        asked.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    with pytest.raises((Fatal, Transient)) as caught:
        await connect(f"postgresql://user@127.0.0.1:{server.sockets[0].getsockname()[1]}/db")
    server.close()
    if refused:
        assert str(caught.value) == "the server is PostgreSQL 14; this needs at least 15"
    await until(lambda: _done(asked))
    assert asked == [b"X" if refused else b"Q"]  # the first is a farewell, the second a question


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
async def test_a_database_without_utf_8_is_refused_by_every_command(
    encoding: str, newest: LocalPostgres, tmp_path: Path, kafka_bootstrap: str
) -> None:
    """Before anything is made in it."""
    await execute(
        newest.dsn,
        "DROP DATABASE IF EXISTS narrow",
        f"CREATE DATABASE narrow ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0",
    )
    dsn = named(newest.dsn, "narrow")
    said = await said_by(dsn, *SOME_COMMANDS, folder=tmp_path, KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap)
    for command, (code, err) in said.items():
        assert (code, f"the database has the encoding {encoding}; this needs UTF8" in err) == (2, True), (command, err)


async def test_a_schema_that_an_administrator_made_is_enough_to_migrate(newest: LocalPostgres, tmp_path: Path) -> None:
    """With CREATE on it and on nothing else, and roles that were made beforehand; then the roles must be let in by him too."""
    both = ("outcomes", "outcomes_internal")
    dsn = await fresh(
        newest,
        "prepared",
        "REVOKE ALL ON DATABASE prepared FROM PUBLIC, owner",
        "GRANT CONNECT ON DATABASE prepared TO PUBLIC",
        "DO $$ BEGIN CREATE ROLE modest LOGIN; EXCEPTION WHEN duplicate_object THEN END $$",
        "DO $$ BEGIN CREATE ROLE outcomes_writer; EXCEPTION WHEN duplicate_object THEN END $$",
        "DO $$ BEGIN CREATE ROLE outcomes_reader; EXCEPTION WHEN duplicate_object THEN END $$",
        "DO $$ BEGIN CREATE ROLE outcomes_people; EXCEPTION WHEN duplicate_object THEN END $$",
        "DO $$ BEGIN CREATE ROLE outcomes_serve; EXCEPTION WHEN duplicate_object THEN END $$",
        "GRANT outcomes_writer TO bridge",
        "GRANT outcomes_writer, outcomes_reader TO modest",
    )
    code, _, err = await outcomes("migrate", DATABASE_URL=by("modest", dsn))
    assert (
        code,
        "CREATE SCHEMA outcomes_internal AUTHORIZATION modest; or GRANT CREATE ON DATABASE prepared TO modest" in err,
    ) == (
        2,
        True,
    )
    await execute(dsn, *(f"CREATE SCHEMA {name}" for name in both), f"GRANT USAGE ON SCHEMA {', '.join(both)} TO modest")
    code, _, err = await outcomes("migrate", DATABASE_URL=by("modest", dsn))
    assert (code, f"GRANT USAGE, CREATE ON SCHEMA {', '.join(both)} TO modest" in err) == (2, True)
    await execute(dsn, f"GRANT CREATE ON SCHEMA {', '.join(both)} TO modest")
    code, out, err = await outcomes("migrate", DATABASE_URL=by("modest", dsn))
    assert (code, "migrated from nothing" in out) == (0, True), err
    let_in = f"GRANT USAGE ON SCHEMA {', '.join(both)} TO outcomes_writer, outcomes_reader"
    assert f"have an administrator run {let_in}" in err
    await execute(dsn, let_in)

    (tmp_path / "events.ndjson").write_bytes(ndjson([result(1)]))
    code, _, err = await outcomes("replay", str(tmp_path / "events.ndjson"), DATABASE_URL=by("bridge", dsn))
    assert (code, "have an administrator run GRANT TEMPORARY ON DATABASE prepared TO bridge" in err) == (2, True), err
    await execute(dsn, "GRANT TEMPORARY ON DATABASE prepared TO bridge")
    assert (await outcomes_json("replay", str(tmp_path / "events.ndjson"), DATABASE_URL=by("bridge", dsn)))["applied"] == 1


async def test_roles_that_the_owner_may_not_make_are_asked_for_before_anything_is_made(newest: LocalPostgres) -> None:
    """With what an administrator runs, once."""
    dsn = await fresh(
        newest,
        "roleless",
        "DO $$ BEGIN CREATE ROLE plain LOGIN; EXCEPTION WHEN duplicate_object THEN END $$",
        "GRANT CREATE ON DATABASE roleless TO plain",
        "DROP ROLE IF EXISTS outcomes_nobody",
    )
    connection = await connect(by("plain", dsn))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(schema, "ROLES", ["outcomes_nobody"])
        with pytest.raises(Fatal, match=r"outcomes_nobody cannot be made by plain: .* CREATE ROLE outcomes_nobody NOLOGIN;"):
            await schema.migrate(by("plain", dsn))
    assert await connection.fetchval("SELECT to_regnamespace('outcomes')") is None
    await connection.close()


async def test_an_options_values_reach_the_socket_and_the_session(newest: LocalPostgres) -> None:
    """Those of libpq that asyncpg knows nothing of."""
    address = f"postgresql://postgres@nowhere.invalid:{newest.port}/postgres?hostaddr=127.0.0.1&connect_timeout=3"
    told = "keepalives_idle=61&keepalives_interval=7&keepalives_count=4&tcp_user_timeout=9000&application_name=mine"
    ignored = "channel_binding=prefer&gssencmode=disable&fallback_application_name=x&load_balance_hosts=random"
    connection = await connect(f"{address}&{told}&{ignored}&options=-c%20work_mem%3D1234kB")
    assert await connection.fetchval("SHOW application_name") == "mine"
    assert await connection.fetchval("SHOW work_mem") == "1234kB"
    ours = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]
    options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
    assert [ours.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [61, 7, 4, 9000]
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    await connection.close()
