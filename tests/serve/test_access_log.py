"""Who looked at students: each look is a row, and none is lost by a stop."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from consumer.rights import grants
from consumer.rights.grants import Grant
from consumer.serve.access import log
from consumer.serve.app import make_app, serving
from consumer.settings import Settings
from consumer.store.postgres import connect
from tests.acceptance.running import outcomes, until
from tests.samples import TENANT
from tests.serve import rights_school as school
from tests.serve.serving import Served

COURSE = "/api/v1/courses/7"


@pytest.fixture
async def token(database: str) -> str:
    """For course 7 of the school; the first of its tenant."""
    await school.fill(database)
    return await school.token_with(database, Grant("course", 7, names=True))


@pytest.fixture
async def server(database: str, token: str) -> AsyncIterator[Served]:
    """Over the school."""
    async with serving(make_app(database), "127.0.0.1", 0) as (base, _), Served.over(base, token) as running:
        yield running


async def looks(dsn: str) -> Sequence[Any]:
    """The rows, the oldest first."""
    connection = await connect(dsn)
    try:
        return (await grants.looks(connection, TENANT, None, None, None, None, 100))[::-1]
    finally:
        await connection.close()


async def test_a_look_at_students_is_a_row(server: Served, database: str) -> None:
    """Who, when, from where, at what, and whom the request named. Not what shows no student, nor what was refused."""
    for path, status in (
        (f"{COURSE}/outcome_rollups?user_ids[]=7101&user_ids[]=uuid:uu-7201", 200),
        (f"{COURSE}/assignments", 200),
        ("/api/v1/courses/8/users", 404),
        (f"{COURSE}/users?page=0", 400),
        ("/api/v1/courses/21070000000000007/users/7301.json", 200),
        ("/courses/7/students/uuid:uu-7101", 200),
    ):
        assert (await server.ask(path)).status == status, path
    await until(lambda: _count(database, 3), 10)
    found = await looks(database)
    told = [(row["path"], row["users"], row["ids"]) for row in found]
    assert told == [
        (f"{COURSE}/outcome_rollups", ["7101", "uuid:uu-7201"], {"course_id": "7"}),
        (f"{COURSE}/users/…", ["7301"], {"course_id": "7"}),
        ("/courses/7/students/…", ["uuid:uu-7101"], {"course_id": "7"}),
    ]
    assert {(row["kind"], row["who"], row["address"]) for row in found} == {("token", "1", "127.0.0.1")}


async def _count(dsn: str, number: int) -> bool:
    return len(await looks(dsn)) >= number


async def test_a_server_that_stops_has_written_all_looks(database: str, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that were to wait for long."""
    monkeypatch.setattr(log, "WRITE_SECONDS", 600.0)
    async with serving(make_app(database), "127.0.0.1", 0) as (base, _), Served.over(base, token) as running:
        for _ in range(5):
            await running.get(f"{COURSE}/users")
        assert await looks(database) == []
    assert len(await looks(database)) == 5


async def test_where_looks_cannot_be_logged_nothing_is_shown(
    server: Served, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 as long as too many rows wait; then all is as before, and the rows are there."""
    monkeypatch.setattr(log, "MOST_WAITING", 3)
    locking = await connect(database)
    await locking.execute("BEGIN; LOCK TABLE access_log")
    statuses = [(await server.ask(f"{COURSE}/users")).status for _ in range(5)]
    assert statuses == [200, 200, 200, 503, 503]
    await locking.close()
    await until(lambda: _count(database, 3), 10)
    await until(lambda: _is_answered(server), 10)


async def _is_answered(server: Served) -> bool:
    return (await server.ask(f"{COURSE}/users")).status == 200


async def test_what_is_too_old_goes(database: str, token: str) -> None:
    """When a server starts, and each hour. Whoever serves can delete nothing newer, and read none."""
    connection = await connect(database)
    for days in (0, 29, 31):
        await connection.execute(
            "INSERT INTO access_log (root_account_uuid, at, kind, who, address, route, ids, users) "
            "VALUES ($1, now() - make_interval(days => $2), 'token', '1', '', '/', '{}', '{}')",
            TENANT,
            days,
        )
    settings = Settings(access_log_days=30)
    async with serving(make_app(database, settings), "127.0.0.1", 0):
        await until(lambda: _is_count(database, 2), 10)
    await connection.execute("SET ROLE outcomes_serve; SELECT outcomes_internal.empty_access_log(0)")
    for statement in (
        "SELECT FROM access_log",
        "DELETE FROM access_log",
        "SELECT FROM access_session",
        "SELECT FROM person_name",
    ):
        with pytest.raises(Exception, match="permission denied"):
            await connection.execute(statement)
    await connection.close()
    assert len(await looks(database)) == 1


async def _is_count(dsn: str, number: int) -> bool:
    return len(await looks(dsn)) == number


async def test_the_commands_grant_list_revoke_and_show_the_log(database: str, token: str) -> None:
    """For people and for machines."""
    async with serving(make_app(database), "127.0.0.1", 0) as (base, _), Served.over(base, token) as running:
        await running.get(f"{COURSE}/users/7101")
    code, out, _ = await outcomes("access", "log", "--course", "7", "--token", "1", "--json", DATABASE_URL=database)
    assert (code, [row["users"] for row in json.loads(out)]) == (0, [["7101"]])
    code, out, _ = await outcomes("access", "log", DATABASE_URL=database)
    assert (code, "/api/v1/courses/7/users/…" in out, "7101" in out) == (0, True, True)
    granted = ("access", "grant", "--login", "Dean@School")
    code, out, _ = await outcomes(*granted, "--account", "2", "--names", "--json", DATABASE_URL=database)
    row = json.loads(out)
    assert (code, row["who"], row["scope"], row["scope_id"], row["names"]) == (0, "dean@school", "account", 2, True)
    for wrong, said in (
        ((), "--account, --course, --section or --all"),
        (("--all", "--course", "7"), "--course and --all are two"),
        (("--course", "7", "--operations"), "goes with the whole tenant"),
    ):
        code, _, err = await outcomes(*granted, *wrong, DATABASE_URL=database)
        assert (code, said in err) == (2, True), err
    code, out, _ = await outcomes("access", "list", DATABASE_URL=database)
    assert (code, "login dean@school" in out, "course 7" in out) == (0, True, True)
    code, out, _ = await outcomes("access", "revoke", str(row["id"]), DATABASE_URL=database)
    assert (code, "is revoked: login dean@school may see account 2, with names" in out) == (0, True)
    code, out, _ = await outcomes("access", "end-sessions", "--login", "dean@school", DATABASE_URL=database)
    assert (code, out) == (0, "0 sessions ended\n")
