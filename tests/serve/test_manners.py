"""How `outcomes serve` behaves at its edges: pages, ids, errors, strangers, an absent database, a stop."""

import asyncio
import base64
import json
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import nullcontext

import aiohttp
import asyncpg
import pytest
import structlog
import uvicorn
from pydantic import SecretStr

from consumer.canvas.client import CanvasClient, Context
from consumer.errors import Fatal
from consumer.rights import tokens
from consumer.serve import read_pool
from consumer.serve.access import lookup
from consumer.serve.api import paging
from consumer.serve.api.paging import Page
from consumer.serve.app import make_app, serve
from consumer.serve.app import serving as serving_app
from consumer.serve.read_pool import ReadPool
from consumer.serve.sql import sql
from consumer.settings import Settings
from consumer.store import schema
from consumer.store.postgres import connect
from schemas import rest
from tests.acceptance.running import running
from tests.faults.cluster import LocalPostgres
from tests.forking import ROOT
from tests.postgres.test_gradebook import outcome, worked
from tests.postgres.writing import write
from tests.samples import TENANT
from tests.scratch import folder
from tests.serve.serving import ANA_ID, COURSE, OTHER, Served, fill, group, of, served, token_for

BIG = 21070000000000079
WAITING = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'learning_outcome_result'::regclass "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""Who waits for the table of results, in this database alone."""


@pytest.fixture
async def server(database: str) -> AsyncIterator[Served]:
    """Over the small school."""
    await fill(database)
    async with served(database) as running_:
        yield running_


def _links(header: str) -> dict[str, str]:
    """URLs by `rel`."""
    return {part.split('rel="')[1].rstrip('"'): part.split(">")[0].lstrip("<") for part in header.split(",<")}


# -- pages --


@pytest.mark.parametrize(
    ("number", "size", "total", "named"),
    [
        (1, 10, 0, {"current": 1, "first": 1, "last": 1}),
        (1, 10, 10, {"current": 1, "first": 1, "last": 1}),
        (1, 10, 11, {"current": 1, "next": 2, "first": 1, "last": 2}),
        (2, 10, 21, {"current": 2, "next": 3, "prev": 1, "first": 1, "last": 3}),
        (3, 10, 21, {"current": 3, "prev": 2, "first": 1, "last": 3}),
        (9, 10, None, {"current": 9, "prev": 8, "first": 1}),
    ],
)
def test_links_name_the_pages_there_are(number: int, size: int, total: int | None, named: dict[str, int]) -> None:
    """No `prev` on the first page, no `next` on the last, no `last` where the end is not known."""
    header = paging.links("http://canvas.test/api/v1/x?page=7&a=b%26c", Page.limited(number, size), total)
    expected = {rel: f"http://canvas.test/api/v1/x?a=b%26c&page={page}&per_page={size}" for rel, page in named.items()}
    assert _links(header) == expected


def test_a_long_address_is_not_repeated_five_times() -> None:
    """Clients limit headers: a long one keeps only `next` and `prev`."""
    long = "http://canvas.test/api/v1/x?" + "&".join(f"outcome_ids[]={number}" for number in range(200))
    assert set(_links(paging.links(long, Page.limited(2, 10), 100))) == {"next", "prev"}


def test_a_token_in_an_address_is_not_repeated() -> None:
    """A link shows no token."""
    assert "secret" not in paging.links("http://canvas.test/api/v1/x?access_token=secret&page=1", Page.limited(1, 10), 100)


async def test_every_item_is_on_exactly_one_page(server: Served, database: str) -> None:
    """Following `next` from link to link; never more than a hundred at once."""
    await write(database, *(group(number, f"Group {number}", 10, COURSE) for number in range(1000, 1120)))
    first = await server.ask("/api/v1/courses/7/outcome_groups")
    assert len(first.json) == 10
    most = await server.ask("/api/v1/courses/7/outcome_groups?per_page=5000")
    assert len(most.json) == 100
    found, url = [], "/api/v1/courses/7/outcome_groups?per_page=50"
    while url:
        answer = await server.ask(url)
        found += [one["id"] for one in answer.json]
        url = _links(answer.headers["Link"]).get("next", "")
    assert found == [10, 11, *range(1000, 1120)]
    beyond = await server.ask("/api/v1/courses/7/outcome_groups?page=99")
    assert (beyond.json, "next" in _links(beyond.headers["Link"])) == ([], False)


async def test_rollups_are_paged_by_student(server: Served, database: str) -> None:
    """Each student once, with all scores, and nobody twice."""
    await write(
        database,
        *(
            worked(1000 + 2 * n + which, f"student-{n:03}", of, 0.5, course="70")
            for n in range(25)
            for which, of in ((0, 1), (1, 2))
        ),
    )
    found, url = [], "/api/v1/courses/70/outcome_rollups?per_page=10"
    while url:
        answer = await server.ask(url)
        assert {len(one["scores"]) for one in answer.json["rollups"]} == {2}
        found += [one["links"]["user"] for one in answer.json["rollups"]]
        url = _links(answer.headers["Link"]).get("next", "")
    assert found == [f"uuid:student-{n:03}" for n in range(25)]


# -- ids --


async def test_ids_are_numbers_or_strings_as_they_were_asked_for(server: Served, database: str) -> None:
    """Also those beyond 2^53; ids inside `links` are always strings, and other numbers stay numbers."""
    await write(database, group(BIG, "Large", 10, COURSE))
    path = "/api/v1/courses/7/outcome_groups"
    numbers = await server.ask(path)
    assert [one["id"] for one in numbers.json] == [10, 11, BIG]
    strings = await server.get(path, Accept="application/json+canvas-string-ids")
    assert [one["id"] for one in strings] == ["10", "11", str(BIG)]
    assert (strings[2]["context_id"], strings[2]["parent_outcome_group"]["id"]) == ("7", "10")
    results = await server.get("/api/v1/courses/7/outcome_results", Accept="application/json+canvas-string-ids")
    assert (results["outcome_results"][0]["id"], results["outcome_results"][0]["score"]) == ("1", 5.0)
    assert results["outcome_results"][0]["links"]["learning_outcome"] == "1"


# -- what is wrong --


WRONG = (
    ("/api/v1/nothing", 404),
    ("/nothing", 404),
    ("/api/v1/outcomes/", 404),
    ("/api/v1/outcomes/zero", 404),
    ("/api/v1/outcomes/0", 404),
    ("/api/v1/outcomes/-1", 404),
    ("/api/v1/outcomes/9223372036854775808", 404),
    ("/api/v1/outcomes/1%00", 404),
    ("/api/v1/outcomes/922337~9999999999999", 404),
    ("/api/history/v1/outcomes/999999~1", 404),
    ("/api/v1/courses/self/outcome_groups", 404),
    ("/api/v1/courses/self/outcome_groups?at=x&page=0", 404),
    ("/api/v1/users/1/outcome_groups", 404),
    ("/api/v1/courses/99/outcome_groups", 404),
    ("/api/v1/accounts/99/outcome_proficiency", 404),
    ("/api/v1/courses/7/outcome_groups?page=0", 400),
    ("/api/v1/courses/7/outcome_groups?page=9999999999999999999999", 400),
    ("/api/v1/courses/7/outcome_groups?per_page=-1", 400),
    ("/api/v1/courses/7/outcome_groups?at=yesterday", 400),
    ("/api/v1/courses/7/outcome_groups?at=2025-03-20T15:04:05", 400),
    ("/api/v1/courses/7/outcome_groups?at=2025-02-30", 400),
    ("/api/v1/courses/7/outcome_groups?at=", 400),
    ("/api/v1/outcomes/1?at=0001-01-01T00:00:00%2B14:00", 400),
    ("/api/v1/courses/7/outcome_results?user_ids[]=ana", 400),
    ("/api/v1/courses/7/outcome_results?user_ids[]=uuid:%00", 400),
    ("/api/v1/courses/7/outcome_results?user_ids=501", 400),
    ("/api/v1/courses/7/outcome_rollups?user_ids[0]=501", 400),
    ("/api/v1/courses/7/outcome_rollups?outcome_ids=1,2", 400),
    ("/api/v1/courses/7/outcome_results?outcome_ids[]=1.5", 400),
    ("/api/v1/courses/7/outcome_results?outcome_ids[]=999999~1", 400),
    ("/api/v1/courses/7/outcome_rollups?aggregate=account", 400),
    ("/api/v1/courses/7/outcome_rollups?aggregate=course&aggregate_stat=mode", 400),
    ("/api/v1/courses/7/outcome_group_links?outcome_style=loud", 400),
    ("/api/v1/courses/7/outcome_alignments?assignment_id=x", 400),
    ("/api/v1/accounts/1/courses?state[]=asleep", 400),
)


async def test_what_is_wrong_is_said_as_canvas_says_it(server: Served) -> None:
    """404 for missing objects and invalid ids, 400 for any other parameter; always `errors` with a message."""
    for path, status in WRONG:
        answer = await server.ask(path)
        assert answer.status == status, path
        rest.ErrorBody.model_validate(answer.json)
        assert answer.json["errors"][0]["message"]


async def test_a_filter_that_would_filter_nothing_is_refused(server: Served) -> None:
    """A request for some courses never returns all."""
    for asked in ("sort=course_name", "published=false", "by_teachers[]=1", "state=available", "include[]=teachers"):
        answer = await server.ask(f"/api/v1/accounts/1/courses?{asked}")
        assert (answer.status, asked.partition("=")[0] in answer.json["errors"][0]["message"]) == (400, True)
    assert (await server.ask("/api/v1/accounts/1/courses?state[]=available")).status == 200


async def test_a_page_of_any_size_is_cut_to_a_hundred(server: Served) -> None:
    """As in Canvas; and `Accept` may come twice."""
    answer = await server.ask(f"/api/v1/courses/7/outcome_groups?per_page={10**12}")
    assert (answer.status, "per_page=100" in answer.headers["Link"]) == (200, True)
    headers = [("Authorization", f"Bearer {server.token}"), ("Accept", "*/*"), ("Accept", "application/json+canvas-string-ids")]
    async with server.session.get(f"{server.base}/api/v1/outcomes/1", headers=headers) as told:
        assert (await told.json())["id"] == "1"


async def test_a_whole_address_is_asked_as_its_path(server: Served) -> None:
    """As a client behind a proxy writes it into the request line."""
    host, port = server.base.removeprefix("http://").rsplit(":", 1)
    for address, status in ((f"{server.base}/api/v1/outcomes/1.json", b"200"), ("http://elsewhere", b"200")):
        reader, writer = await asyncio.open_connection(host, int(port))
        lines = (
            f"GET {address} HTTP/1.1",
            f"Host: {host}",
            f"Authorization: Bearer {server.token}",
            "Connection: close",
            "",
            "",
        )
        writer.write("\r\n".join(lines).encode())
        assert (await reader.readline()).split()[1] == status
        writer.close()
        await writer.wait_closed()


async def test_other_methods_are_not_allowed(server: Served) -> None:
    """Without the sandbox nothing can be written."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = await server.ask("/api/v1/outcomes/1", method=method)
        assert answer.status == 405
        assert answer.json["errors"]
    nowhere = await server.ask("/api/v1/users/1/outcome_groups", method="POST")
    assert nowhere.status == 404  # neither an account's nor a course's path, so without any method


async def test_head_is_answered_as_get_without_its_body(server: Served) -> None:
    """As in Canvas, and for probes; without a token it is a 401 as always."""
    bearer = {"Authorization": f"Bearer {server.token}"}
    for path in ("/api/v1/courses/7/outcome_groups", "/api/v1/nothing", "/livez"):
        asked = await server.ask(path)
        async with server.session.head(server.base + path, headers=bearer) as told:
            assert (told.status, await told.read()) == (asked.status, b"")
        for name in ("Content-Type", "Content-Length", "Link"):
            assert told.headers.get(name) == asked.headers.get(name), name
    async with server.session.head(f"{server.base}/api/v1/outcomes/1") as refused:
        assert refused.status == 401


async def test_a_moment_before_history_is_refused(server: Served, database: str) -> None:
    """The rest of history would give a wrong answer."""
    connection = await connect(database)
    await connection.execute(
        "CREATE OR REPLACE FUNCTION outcomes.history_begins() RETURNS timestamptz LANGUAGE sql STABLE AS "
        "$$ SELECT timestamptz '2025-01-01T00:00:00Z' $$"
    )
    await connection.close()
    for path in ("/api/v1/courses/7/outcome_groups", "/api/v1/outcomes/1"):
        answer = await server.ask(f"{path}?at=2024-12-31")
        assert answer.status == 400
        assert "2025-01-01" in answer.json["errors"][0]["message"]
        assert (await server.ask(f"{path}?at=2025-03-21")).status == 200


# -- strangers --


async def test_without_a_token_nothing_but_health_is_answered(server: Served) -> None:
    """For any path, with a route or without; a wrong token is like none."""
    for path in ("/api/v1/outcomes/1", "/api/v1/nothing", "/", "/docs", "/openapi.json", "/static-offline-docs/swagger-ui.css"):
        nobody = await server.ask(path, token="")
        assert nobody.status == 401, path
        assert nobody.json == {"status": "unauthenticated", "errors": [{"message": "user authorization required"}]}
        assert nobody.headers["WWW-Authenticate"]
        stranger = await server.ask(path, token=tokens.new())
        assert (stranger.status, stranger.json) == (401, {"errors": [{"message": "Invalid access token."}]})
    for path in ("/livez", "/readyz"):
        assert (await server.ask(path, token="")).body == b"ok\n"


async def test_a_header_that_is_no_token_opens_nothing(server: Served) -> None:
    """However it is written."""
    for header in ("Bearer", "Bearer ", "Basic eDp5", "Digest x", "Bearer \xff", "Bearer " + "x" * 5000):
        async with server.session.get(f"{server.base}/api/v1/outcomes/1", headers={"Authorization": header}) as answer:
            assert answer.status == 401, header


async def test_a_browser_reads_the_documentation_with_the_token_as_password(server: Served) -> None:
    """Page, files and OpenAPI document, by HTTP Basic, all from this server; Canvas' endpoints need a bearer token."""
    basic = {"Authorization": "Basic " + base64.b64encode(f"anyone:{server.token}".encode()).decode()}
    for path in ("/docs", "/openapi.json", "/static-offline-docs/swagger-ui-bundle.js"):
        async with server.session.get(server.base + path, headers=basic) as answer:
            assert answer.status == 200
            text = await answer.text()
        assert path != "/docs" or "https://" not in text
    async with server.session.get(f"{server.base}/api/v1/outcomes/1", headers=basic) as answer:
        assert answer.status == 401


async def test_the_log_has_a_line_for_each_request_and_no_secret_in_it(server: Served) -> None:
    """Method, path, status, milliseconds; no query, no token, and nothing a terminal would obey."""
    with structlog.testing.capture_logs() as lines:
        await server.ask(f"/api/v1/courses/7/outcome_results?user_ids[]={ANA_ID}&access_token=secret")
        await server.ask("/%1b[2Jnothing")
    told = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["path"], line["status"]) for line in told] == [
        ("GET", "/api/v1/courses/7/outcome_results", 200),
        ("GET", "/\\x1b[2Jnothing", 404),
    ]
    assert "secret" not in json.dumps(told, default=str)
    assert server.token not in json.dumps(told, default=str)


async def test_a_mistake_of_ours_is_a_500_and_its_log_tells_where_and_nothing_of_the_request(
    server: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither our lines nor the web server's have the error's words, which may quote a row, nor variables on the way."""
    fetch = ReadPool.fetch

    async def broken(self: ReadPool, statement: str, *arguments: object) -> object:
        if statement != sql("results"):
            return await fetch(self, statement, *arguments)
        raise RuntimeError(f"somebody's users: {arguments}")

    monkeypatch.setattr(ReadPool, "fetch", broken)
    with structlog.testing.capture_logs() as lines:
        answer = await server.ask(f"/api/v1/courses/7/outcome_results?user_ids[]={ANA_ID}")
    assert (answer.status, answer.json) == (500, {"errors": [{"message": "An error occurred."}]})
    (mistake,) = (line for line in lines if line["event"] == "request_failed")
    assert mistake["error"] == "RuntimeError"
    assert mistake["where"][0].startswith("test_manners.py:")
    assert mistake["where"][1].startswith("gradebook.py:")
    assert [line["status"] for line in lines if line["event"] == "request"] == [500]
    assert "somebody" not in json.dumps(lines, default=str)
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []


# -- the database --


async def test_nothing_can_be_changed_by_who_reads(database: str) -> None:
    """The connection is a reader's, in transactions that may not write, and sees no token."""
    pool = ReadPool(database)
    await pool.open()
    try:
        connection = await pool._connect()
        assert await connection.fetchval("SELECT current_user") == "outcomes_reader"
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("CREATE TEMP TABLE x ()")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM api_token")
        connection.terminate()
    finally:
        await pool.close()


async def test_a_login_needs_to_be_a_reader_and_nothing_more(database: str) -> None:
    """A member can serve; for another login the error names the GRANT."""
    owner = await connect(database)
    name = f"login_{uuid.uuid4().hex[:12]}"
    await owner.execute(f"CREATE ROLE {name} LOGIN")
    try:
        login = ReadPool(database.replace("postgres:@", f"{name}@", 1).replace("postgres@", f"{name}@", 1))
        with pytest.raises(Fatal, match="GRANT outcomes_reader"):
            await login.check()
        await owner.execute(f"GRANT outcomes_reader TO {name}")
        await login.check()
    finally:
        await owner.execute(f"DROP ROLE {name}")
        await owner.close()


async def test_a_login_that_made_the_readers_role_is_told_a_grant_that_helps(database: str) -> None:
    """The statement works as it is: the login is a member without SET already, and a plain GRANT leaves that so."""
    owner = await connect(database)
    login = await owner.fetchval("SELECT quote_ident($1)", f'{uuid.uuid4().hex[:12]} "x" login')
    await owner.execute(f"CREATE ROLE {login}; GRANT outcomes_reader TO {login} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    try:
        await owner.execute(f"GRANT outcomes_reader TO {login}; SET SESSION AUTHORIZATION {login}")
        with pytest.raises(Fatal) as refused:
            await read_pool._set_role(owner, "outcomes_reader")
        await owner.execute("RESET SESSION AUTHORIZATION")
        await owner.execute(str(refused.value).rpartition(": ")[2])
        await owner.execute(f"SET SESSION AUTHORIZATION {login}")
        await read_pool._set_role(owner, "outcomes_reader")
        assert await owner.fetchval("SELECT current_user") == "outcomes_reader"
    finally:
        await owner.execute("RESET SESSION AUTHORIZATION")
        await owner.execute(f"DROP ROLE {login}")
        await owner.close()


def test_a_postgres_before_16_is_told_a_grant_that_it_understands() -> None:
    """Memberships had no options: each allowed SET ROLE."""
    assert read_pool._grant("outcomes_reader", "owner", 15) == "GRANT outcomes_reader TO owner"
    assert read_pool._grant("outcomes_reader", "owner", 16) == "GRANT outcomes_reader TO owner WITH SET TRUE"


async def test_another_schema_is_said_at_the_start(empty_database: str) -> None:
    """With what to do, before the first answer."""
    with pytest.raises(Fatal, match="outcomes migrate"):
        await ReadPool(empty_database).check()


async def test_a_restarted_database_is_noticed_by_nobody_and_an_absent_one_is_a_503() -> None:
    """With `Retry-After`, for every path; `/readyz` fails, `/livez` does not; afterwards all is as before."""
    with folder() as place:
        postgres = LocalPostgres(place / "data").start()
        try:
            await schema.migrate(postgres.dsn)
            await fill(postgres.dsn)
            async with served(postgres.dsn) as server:
                paths = ("/api/v1/outcomes/1", "/api/v1/courses/7/outcome_rollups", "/api/v1/accounts")
                before = [await server.get(path) for path in paths]
                await asyncio.to_thread(postgres.restart)
                assert [await server.get(path) for path in paths] == before
                await asyncio.to_thread(postgres.stop, "immediate")
                await asyncio.sleep(lookup.REMEMBERED_SECONDS + 0.1)  # neither the token's owner nor the data can be told now
                for path in (*paths, "/api/v1/nothing", "/docs"):
                    away = await server.ask(path)
                    assert (away.status, int(away.headers["Retry-After"]) > 0) == (503, True), path
                    assert away.json["errors"][0]["message"]
                assert (await server.ask("/readyz", token="")).status == 503
                assert (await server.ask("/livez", token="")).status == 200
                await asyncio.to_thread(postgres.start)
                assert [await server.get(path) for path in paths] == before
                assert (await server.ask("/readyz", token="")).status == 200
        finally:
            postgres.stop("immediate")


# -- a client --


async def test_one_tenants_many_slow_questions_leave_room_for_others(
    server: Served, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While more of its requests wait than there are connections, `/readyz` and another tenant get answers."""
    monkeypatch.setattr(read_pool, "WAIT_SECONDS", 60.0)  # so that none gives up, however slow the machine
    await write(database, *of(OTHER, [outcome(5, "Elsewhere")]))
    other = await token_for(database, OTHER)
    locking = await connect(database)
    await locking.execute("BEGIN; LOCK TABLE learning_outcome_result")
    slow = [asyncio.create_task(server.ask("/api/v1/courses/7/outcome_results")) for _ in range(2 * read_pool.CONNECTIONS)]
    try:
        while await locking.fetchval(WAITING) < read_pool.PER_TENANT:  # noqa: ASYNC110 - other processes wait
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            assert (await server.ask("/readyz", token="")).status == 200
            assert (await server.ask("/api/v1/accounts", token=other)).status == 200
        assert await locking.fetchval(WAITING) == read_pool.PER_TENANT
        assert not any(task.done() for task in slow)
    finally:
        await locking.close()  # and with it the lock
    assert {answer.status for answer in await asyncio.gather(*slow)} == {200}


async def test_a_canvas_client_works_by_changing_its_address(server: Served) -> None:
    """All requests of a backfill, page by page, validated."""
    course, account = Context("Course", 7), Context("Account", 1)
    async with CanvasClient(server.base, SecretStr(server.token)) as client:
        accounts = [one async for page in client.accounts() for one in page.items]
        assert [one.uuid for one in accounts] == [TENANT]
        assert [one.id async for page in client.sub_accounts(1) for one in page.items] == [2, 3]
        assert [one.id async for page in client.account_courses(1, deleted=True) for one in page.items] == [7, 8]
        assert (await client.account(1)).value == accounts[0]
        assert (await client.outcome(1)).value.title == "Reading"
        assert [one.id async for page in client.outcome_groups(course) for one in page.items] == [10, 11]
        links = [one async for page in client.outcome_group_links(course) for one in page.items]
        assert [(one.outcome_group.id, one.outcome.id, one.outcome.points_possible) for one in links] == [
            (11, 1, 4),
            (10, 2, 4),
        ]
        assert [one.assignment_id for one in (await client.outcome_alignments(7, assignment_id=56)).value] == [56]
        assert len([one async for page in client.outcome_results(7) for one in page.items]) == 5
        rollups = [one async for page in client.outcome_rollups(7) for one in page.items]
        assert len([one for one in rollups if one.links.user == str(ANA_ID)]) == 1
        scale = (await client.outcome_proficiency(account)).value
        assert scale is not None
        assert [level.points for level in scale.ratings] == [4, 3, 0]
        assert 6 in [one.id async for page in client.grading_standards(course) for one in page.items]


# -- starting and stopping --


def test_other_commands_do_not_wait_for_a_web_server() -> None:
    """What only some commands need is not imported before they run."""
    some = "{'fastapi', 'uvicorn', 'aiohttp', 'aiobotocore', 'jinja2', 'consumer.serve.app'}"
    code = f"import sys, consumer.commands.main; print({some} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout == "set()\n"
    )


async def test_a_taken_port_is_said(database: str) -> None:
    """With the settings that name another one."""
    app = make_app(database)
    async with served(database) as server:
        port = int(server.base.rsplit(":", 1)[1])
        with pytest.raises(Fatal, match="OUTCOMES_SERVE_PORT"):
            async with serving_app(app, "127.0.0.1", port):
                pass


async def test_a_server_that_ends_by_itself_is_an_error(database: str, monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    """Whatever supervises the process learns of it."""
    monkeypatch.setattr(uvicorn.Server, "main_loop", lambda _: asyncio.sleep(0))
    with pytest.raises(Fatal, match="ended by itself"):
        await serve(make_app(database), Settings(serve_port=free_port), lambda _: nullcontext())


async def test_the_command_serves_until_a_signal(database: str, free_port: int) -> None:
    """It says where, answers, and stops in good order with code 0."""
    await fill(database)
    token = await token_for(database, TENANT)
    variables = {"DATABASE_URL": database, "OUTCOMES_LOG_FORMAT": "json"}
    async with running("serve", "--port", str(free_port), **variables) as process:
        line = json.loads(await process.err_line())
        assert (line["event"], line["address"]) == ("serving", f"http://127.0.0.1:{free_port}")
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
            session.get(f"{line['address']}/api/v1/outcomes/1") as answer,
        ):
            assert answer.status == 200
        code, out, err = await process.end(signal.SIGTERM)
    assert (code, out) == (0, "")
    assert [json.loads(one)["event"] for one in err.splitlines()] == ["serving", "request", "stopped"]
