"""`outcomes serve` under attack: floods, slow clients, and requests that a proxy may read in another way."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog

from consumer.errors import Transient
from consumer.query.scale import SWITCH
from consumer.query.sql import sql as query_sql
from consumer.rights import grants, tokens
from consumer.rights.sql import sql as rights_sql
from consumer.rights.viewer import Viewer
from consumer.sandbox import routes
from consumer.serve import app, connections, read_pool
from consumer.serve.access import lookup
from consumer.serve.access.lookup import Lookup
from consumer.serve.api.rails_params import MAX_BYTES
from consumer.serve.app import serving as serving_app
from consumer.serve.read_pool import ReadPool
from consumer.serve.sql import sql
from consumer.settings import Settings
from consumer.store.postgres import Connection, connect
from consumer.store.tenant_setting import decide
from tests.acceptance.running import until
from tests.postgres.test_gradebook import account, course, outcome, worked
from tests.postgres.writing import write
from tests.samples import TENANT, event, scale
from tests.serve.serving import ANA_ID, OTHER, Served, fill, of, served, token_for

GROUPS = "/api/v1/courses/7/outcome_groups"
GET, HOST = f"GET {GROUPS} HTTP/1.1", "Host: here"
HIDDEN = b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n"
CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
WAITING = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::regclass "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""How many wait for a table, in this database."""


@pytest.fixture
async def server(database: str) -> AsyncIterator[Served]:
    """Over the small school."""
    await fill(database)
    async with served(database) as running_:
        yield running_


class Raw:
    """A connection for any bytes."""

    def __init__(self, server: Served) -> None:
        self._address = urlsplit(server.base)
        self.bearer = f"Authorization: Bearer {server.token}"

    async def __aenter__(self) -> "Raw":
        self.reader, self.writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def send(self, *lines: str, body: bytes = b"") -> None:
        """A head of these lines."""
        self.writer.write("\r\n".join((*lines, "", "")).encode("latin-1") + body)

    async def all(self, seconds: float = 20) -> bytes:
        """Whatever comes until the server closes."""
        reading_ = asyncio.create_task(self.reader.read(-1))
        ended, _ = await asyncio.wait([reading_], timeout=seconds)
        assert ended, "the server keeps the connection"
        return await reading_


async def asked(server: Served, *lines: str, body: bytes = b"") -> tuple[int, Any, bytes]:
    """Status, JSON and all bytes of the answer to one request with the token; the connection ends after it."""
    async with Raw(server) as raw:
        raw.send(lines[0], *lines[1:], raw.bearer, body=body)
        told = await raw.all()
    head, _, rest = told.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(rest) if b"application/json" in head and rest else None, told


async def path_asked(server: Served, path: str, method: str = "GET", *headers: str) -> tuple[int, Any, bytes]:
    """The same for a request of a path, sent as it is written."""
    return await asked(server, f"{method} {path} HTTP/1.1", "Host: here", "Connection: close", *headers)


async def _locked(database: str, table: str) -> Connection:
    """A connection that locks a table, so that its readers wait."""
    connection = await connect(database)
    await connection.execute(f"BEGIN; LOCK TABLE {table}")
    return connection


async def _until_waiting(connection: Connection, table: str, number: int) -> None:
    while await connection.fetchval(WAITING, table) < number:  # noqa: ASYNC110 - other processes wait
        await asyncio.sleep(0.01)


# -- wrong tokens --


async def test_a_flood_of_wrong_tokens_takes_nothing_from_those_who_have_one(
    server: Served, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While more strangers wait than there are connections, a known token gets its answer; probes share one statement."""
    monkeypatch.setattr(read_pool, "WAIT_SECONDS", 60.0)  # so that none gives up, however slow the machine
    monkeypatch.setattr(app, "READY_SECONDS", 60.0)
    monkeypatch.setattr(lookup, "REMEMBERED_SECONDS", 600.0)
    await server.get(GROUPS)
    locking = await _locked(database, "api_token")
    strangers = [asyncio.create_task(server.ask(GROUPS, token=tokens.new())) for _ in range(3 * read_pool.CONNECTIONS)]
    probes = [asyncio.create_task(server.ask("/readyz", token="")) for _ in range(read_pool.CONNECTIONS)]
    try:
        await _until_waiting(locking, "api_token", read_pool.FOR_STRANGERS + 1)
        known = asyncio.create_task(server.ask(GROUPS))
        answered, _ = await asyncio.wait([known], timeout=20)
        assert answered
        assert (await known).status == 200
        assert await locking.fetchval(WAITING, "api_token") == read_pool.FOR_STRANGERS + 1
    finally:
        await locking.close()  # and with it the lock
    assert {answer.status for answer in await asyncio.gather(*strangers)} == {401}
    assert {answer.status for answer in await asyncio.gather(*probes)} == {200}


async def test_a_token_that_was_good_is_asked_about_without_waiting_behind_strangers(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the server has to look it up again."""
    monkeypatch.setattr(lookup, "REMEMBERED_SECONDS", 0.0)
    monkeypatch.setattr(read_pool, "WAIT_SECONDS", 1.0)
    await server.get(GROUPS)
    pool = ReadPool("postgresql://nowhere")
    keeper = Lookup(pool)
    keeper._known[tokens.digest("good")] = (Viewer(TENANT, "token", "1", ()), 0.0)
    monkeypatch.setattr(ReadPool, "fetch", _told_rights)
    for _ in range(read_pool.FOR_STRANGERS):
        await pool._stranger_slots.acquire()
    opened = None
    with contextlib.suppress(Transient):
        opened = await keeper.viewer("good")
    assert opened is not None
    assert (opened.tenant, opened.sees_all) == (TENANT, True)
    with pytest.raises(Transient):
        await keeper.viewer("never seen")


async def _told_rights(_: ReadPool, statement: str, *arguments: object) -> list[dict[str, object]]:
    assert statement == sql("rights_of_secret")
    whole: dict[str, object] = {"scope": "tenant", "scope_id": None, "course_id": None, "names": True, "operations": False}
    return [whole | {"root_account_uuid": TENANT, "kind": "token", "who": "1"}]


async def test_a_wrong_token_is_not_looked_up_again_and_again_and_opens_soon_after_it_was_made(
    server: Served, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where many requests have it at the same moment."""
    looked_up, told = [], ReadPool.fetch

    async def counting(self: ReadPool, statement: str, *arguments: Any) -> Any:
        looked_up.extend([statement] if statement == sql("rights_of_secret") else [])
        return await told(self, statement, *arguments)

    monkeypatch.setattr(ReadPool, "fetch", counting)
    monkeypatch.setattr(lookup, "REMEMBERED_SECONDS", 4.0)
    token = tokens.new()
    answers = await asyncio.gather(*(server.ask(GROUPS, token=token) for _ in range(20)))
    assert {answer.status for answer in answers} == {401}
    assert looked_up in (
        [sql("rights_of_secret")],
        [sql("rights_of_secret")] * read_pool.FOR_STRANGERS,
    )  # of those who were first
    connection = await connect(database)
    row = await connection.fetchrow(rights_sql("token_create"), TENANT, "made meanwhile", tokens.digest(token))
    assert row is not None
    await grants.grant(connection, TENANT, "token", str(row["id"]), tokens.WHOLE_TENANT)
    await connection.close()
    await until(lambda: _is(server, token, 200), 20)


async def _is(server: Served, token: str, status: int) -> bool:
    return (await server.ask(GROUPS, token=token)).status == status


async def test_what_is_remembered_of_strangers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many tokens come from however many addresses; the oldest are forgotten."""

    async def nobody(_: ReadPool, __: str, *___: object) -> list[object]:
        return []

    monkeypatch.setattr(ReadPool, "fetch", nobody)
    monkeypatch.setattr(lookup, "_ADDRESSES", 100)
    keeper = Lookup(ReadPool("postgresql://nowhere"))
    for number in range(lookup._REMEMBERED + 50):
        assert await keeper.viewer(f"wrong {number}") is None
        keeper.count_wrong(f"10.0.{number // 250}.{number % 250}")
    assert (len(keeper._wrong), len(keeper._clients)) == (lookup._REMEMBERED, 100)
    assert tokens.digest(f"wrong {number}") in keeper._wrong


async def test_who_sends_too_many_wrong_tokens_is_told_to_wait_and_a_good_one_works_all_the_same(
    server: Served, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429 with `Retry-After`, in Canvas' shape; a good token of the same address works; later all is as before."""
    monkeypatch.setattr(lookup, "WINDOW_SECONDS", 5.0)
    monkeypatch.setattr(lookup, "WRONG_TOKENS", 5)
    statuses = [(await server.ask(GROUPS, token=tokens.new())).status for _ in range(4)]
    assert ((await server.ask(GROUPS)).status, statuses) == (200, [401] * 4)
    for _ in range(30):  # more than six, because a window may end meanwhile
        refused = await server.ask(GROUPS, token=tokens.new())
        if refused.status == 429:
            break
    assert refused.status == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 5
    assert "too many wrong access tokens" in refused.json["errors"][0]["message"]
    assert (await server.ask(GROUPS)).status == 200
    assert (await server.ask(GROUPS, token=await token_for(database, TENANT))).status == 200
    assert (await server.ask(GROUPS, token="")).status == 401
    await until(lambda: _is(server, tokens.new(), 401), 30)


def test_addresses_are_counted_by_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each IPv4 address, however it is written; of IPv6 the network, which a client cannot choose."""
    monkeypatch.setattr(lookup, "WRONG_TOKENS", 2)
    keeper = Lookup(ReadPool("postgresql://nowhere"))
    same = (("10.0.0.1", "::ffff:10.0.0.1"), ("2001:db8::1", "2001:db8::2:3"), ("", ""))
    for one, other in same:
        assert [bool(keeper.count_wrong(address)) for address in (one, other, one, other)] == [False, False, True, True]
    assert keeper.count_wrong("10.0.0.2") == keeper.count_wrong("2001:db8:0:1::1") == 0


async def test_a_question_at_a_moment_takes_its_tenants_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The statement about the beginning of history has no tenant in it, and takes a slot of its tenant all the same."""
    monkeypatch.setattr(read_pool, "WAIT_SECONDS", 0.1)
    one = ReadPool("postgresql://nowhere")
    for _ in range(read_pool.PER_TENANT):
        await one._tenant_slots[TENANT].acquire()
    with pytest.raises(Transient):
        await one.fetch(query_sql("history_begins"), tenant=TENANT)


# -- many connections, and slow ones --


async def test_where_all_connections_are_being_answered_another_one_is_told_so(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 in Canvas' shape, `Connection: close`, and when to ask again, no reset; the others get their answers."""
    monkeypatch.setattr(connections, "MOST_OPEN", 3)
    await fill(database)
    async with served(database) as server:
        await server.get(GROUPS)
        locking = await _locked(database, "learning_outcome_group_version")
        busy = [asyncio.create_task(path_asked(server, GROUPS)) for _ in range(3)]
        try:
            await _until_waiting(locking, "learning_outcome_group_version", 3)
            for linger in (connections.MOST_REFUSED, 0):  # with nobody waited for, it is told all the same
                monkeypatch.setattr(connections, "MOST_REFUSED", linger)
                async with Raw(server) as raw:
                    told = await raw.all()
                head, _, body = told.partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 503 ")
                assert b"Connection: close" in head
                assert b"Retry-After: 5" in head
                assert "too many connections" in json.loads(body)["errors"][0]["message"]
        finally:
            await locking.close()
        assert [status for status, _, _ in await asyncio.gather(*busy)] == [200, 200, 200]
        assert (await path_asked(server, GROUPS))[0] == 200


async def test_connections_that_ask_nothing_make_room(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that wait longest get a refusal, those that had an answer before just end. The new request is answered at once."""
    monkeypatch.setattr(connections, "MOST_OPEN", 3)
    await fill(database)
    async with served(database) as server, Raw(server) as answered, Raw(server) as silent, Raw(server) as half:
        answered.send("GET /livez HTTP/1.1", HOST)
        assert b"200 OK" in await answered.reader.readuntil(b"ok\n")
        half.writer.write(b"GET /livez HT")
        await asyncio.gather(*(path_asked(server, GROUPS) for _ in range(4)))
        async with Raw(server), Raw(server), Raw(server):
            assert (await path_asked(server, GROUPS))[0] == 200
            assert await answered.all() == b""
            assert (await silent.all()).startswith(b"HTTP/1.1 503 ")
            assert (await half.all()).startswith(b"HTTP/1.1 503 ")


async def test_a_request_that_trickles_is_given_up(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its headers, its body, or nothing at all: 408, and the connection ends; also the second one of a connection."""
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 1.0)
    post = "POST /api/v1/outcomes/1 HTTP/1.1", "Host: here", "Content-Length: 1000"
    for first in ((), ("GET /livez HTTP/1.1", "Host: here")):
        for lines in ((), ("GET /livez HTTP/1.1", HOST), post):
            if first and not lines:
                continue  # between two requests nothing trickles
            async with Raw(server) as raw:
                if first:
                    raw.send(*first)
                    await raw.reader.readuntil(b"ok\n")
                raw.writer.write("\r\n".join(lines).encode() + (b"\r\n\r\n" if lines == post else b""))
                trickling = asyncio.create_task(_trickle(raw))
                told = await raw.all()
                trickling.cancel()
                expected = b"HTTP/1.1 401 " if lines == post else b"HTTP/1.1 408 "  # a stranger's body is not waited for
                assert told.startswith(expected), (lines, told)
                assert told.count(b"HTTP/1.1") == 1


async def _trickle(raw: Raw) -> None:
    """A byte now and then, for ever."""
    await asyncio.sleep(0.5)
    while True:
        raw.writer.write(b"x")
        await asyncio.sleep(0.1)


async def test_a_slow_request_within_its_time_is_answered(server: Served) -> None:
    """Byte by byte; and an idle connection is kept between two requests."""
    async with Raw(server) as raw:
        for _ in range(2):
            for byte in f"GET {GROUPS} HTTP/1.1\r\nHost: here\r\n{raw.bearer}\r\n\r\n".encode():
                raw.writer.write(bytes([byte]))
                await asyncio.sleep(0.001)
            head = await raw.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            assert len(json.loads(await raw.reader.readexactly(length))) == 2


async def test_who_does_not_read_is_cut_off(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many answers wait; the server does not keep what nobody reads."""
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 1.0)
    file = "/static-offline-docs/swagger-ui-bundle.js"
    whole = len((await server.ask(file)).body)
    address = urlsplit(server.base)
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect((address.hostname, address.port))
        one.sendall(f"GET {file} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {server.token}\r\n\r\n".encode() * 8)
        await asyncio.sleep(5)
        one.settimeout(20)
        got = await asyncio.to_thread(_read_all, one)
    assert 0 < got < 8 * whole


def _read_all(one: socket.socket) -> int:
    got = 0
    while True:
        try:
            part = one.recv(1 << 20)
        except ConnectionResetError:
            return got
        if not part:
            return got
        got += len(part)


async def test_a_request_that_is_too_large_is_told_so(server: Served) -> None:
    """431 and 413, with our reason, and the connection ends: of headers and of bodies, with a length or in chunks."""
    head = "GET /livez HTTP/1.1", "Host: here"
    put = "PUT /api/v1/outcomes/1 HTTP/1.1", "Host: here"
    for status, lines, body in (
        (431, (*head, f"X: {'x' * connections.HEAD_BYTES}"), b""),
        (431, (f"GET /{'x' * connections.HEAD_BYTES} HTTP/1.1", HOST), b""),
        (431, (*head, *(f"X-{number}: x" for number in range(10_000))), b""),
        (413, (*put, f"Content-Length: {MAX_BYTES + 1}"), b"x" * MAX_BYTES),
        (413, (*put, f"Content-Length: {10**19}"), b""),
    ):
        found, told, all_ = await asked(server, *lines, body=body)
        assert found == status, lines[0][:40]
        assert told["errors"][0]["message"]
        assert b"Connection: close" in all_
    found, _, all_ = await asked(server, *put, "Transfer-Encoding: chunked", body=CHUNK * 40)
    assert (found in (405, 413), all_.count(b"HTTP/1.1")) == (True, 1)  # what is answered already is not taken in any more
    ids = "&".join(f"user_ids[]=uuid:{'a' * 36}{number:04}" for number in range(1000))
    found, told, _ = await path_asked(server, f"/api/v1/courses/7/outcome_results?{ids}")
    assert (found, "is no student" in told["errors"][0]["message"]) == (400, True)


async def test_refusals_are_counted_in_the_log(server: Served) -> None:
    """A line a second at most, without anything of what was sent."""
    with structlog.testing.capture_logs() as lines:
        for _ in range(5):
            await asked(server, "GET /secret HTTP/1.1", "Host: here", HOST)
        async with asyncio.timeout(20):
            while sum(one["statuses"].get(400, 0) for one in lines if one["event"] == "refused") < 5:  # noqa: ASYNC110 - the log tells nobody
                await asyncio.sleep(0.05)
    assert "secret" not in json.dumps(lines, default=str)


# -- what may be read in two ways --

TWO_WAYS: tuple[tuple[str, tuple[str, ...], bytes], ...] = (
    ("two tokens", (GET, HOST, "Authorization: Bearer x"), b""),
    ("a length and chunks", (GET, HOST, "Content-Length: 5", "Transfer-Encoding: chunked"), b"0\r\n\r\n" + HIDDEN),
    ("two lengths", (GET, HOST, "Content-Length: 5", "Content-Length: 6"), b"xxxxx" + HIDDEN),
    ("two lengths in one", (GET, HOST, "Content-Length: 5, 6"), b"xxxxx" + HIDDEN),
    ("a length of another sign", (GET, HOST, "Content-Length: +5"), b"xxxxx" + HIDDEN),
    ("a folded header", (GET, HOST, "X: a\r\n b"), b""),
    ("a folded length", (GET, HOST, "Transfer-Encoding:\r\n\tchunked"), b"0\r\n\r\n" + HIDDEN),
    ("chunks of HTTP/1.0", (GET.replace("1.1", "1.0"), HOST, "Transfer-Encoding: chunked"), b"0\r\n\r\n" + HIDDEN),
    ("a chunk of no size", (GET, HOST, "Transfer-Encoding: chunked"), b"x\r\n" + HIDDEN),
    ("a chunk of a negative size", (GET, HOST, "Transfer-Encoding: chunked"), b"-1\r\n" + HIDDEN),
    ("a chunk that is longer", (GET, HOST, "Transfer-Encoding: chunked"), b"1\r\nxx\r\n0\r\n\r\n" + HIDDEN),
    ("a blank before the colon", (GET, HOST, "Content-Length : 5"), b"xxxxx" + HIDDEN),
    ("no host", (GET,), b""),
    ("two hosts", (GET, HOST, "Host: elsewhere"), b""),
    ("a host with a path", (GET, "Host: elsewhere/x?"), b""),
    ("a host with a user", (GET, "Host: here@elsewhere"), b""),
    ("a host that ends a link", (GET, 'Host: x>; rel="next", <http://elsewhere'), b""),
    ("a bare carriage return", (GET, HOST, "X: a\rTransfer-Encoding: chunked"), b""),
    ("no HTTP", ("\x16\x03\x01\x02",), b""),
)


async def test_what_two_servers_may_read_in_two_ways_is_refused(server: Served, caplog: pytest.LogCaptureFixture) -> None:
    """400 in Canvas' shape, once: the hidden second request gets no answer, and there is no error of ours."""
    for what, lines, body in TWO_WAYS:
        async with Raw(server) as raw:
            raw.send(*lines, raw.bearer, *(["Connection: close"] if body == b"" else []), body=body)
            told = await raw.all()
        assert told.startswith(b"HTTP/1.1 400 "), (what, told)
        assert told.count(b"HTTP/1.1") == 1, what
        assert json.loads(told.partition(b"\r\n\r\n")[2])["errors"][0]["message"], what
        assert [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == [], what


async def test_transfer_encodings_that_nobody_knows_are_refused(server: Served) -> None:
    """501, as RFC 9112 has it."""
    for encoding in ("gzip", "chunked, chunked", "identity", "xchunked"):
        found, _, told = await asked(server, GET, HOST, f"Transfer-Encoding: {encoding}", body=b"0\r\n\r\n" + HIDDEN)
        assert (found, told.count(b"HTTP/1.1")) == (501, 1), encoding


async def test_what_an_encoded_character_hides_is_not_there(server: Served) -> None:
    """A slash, a dot, a backslash, a control character, or an encoded percent sign: 404."""
    assert (await path_asked(server, "/api/v1/courses/7/outcome_rollups"))[0] == 200
    assert (await path_asked(server, "/api/v1/%63ourses/7/outcome_rollups"))[0] == 200
    for path in (
        "/api/v1/courses/7%2Foutcome_rollups",
        "/api/v1/courses/7%2foutcome_rollups",
        "/api/v1/courses/7%252Foutcome_rollups",
        "/api/v1%2Fcourses/7/outcome_rollups",
        "/api%2Fv1%2Fcourses%2F7%2Foutcome_rollups",
        "/api/v1/courses/8%2F%2e%2e%2F7/outcome_rollups",
        "/api/v1/courses/8/%2e%2e/7/outcome_rollups",
        "/api/v1/courses/8/../7/outcome_rollups",
        "/api/v1/courses/7/./outcome_rollups",
        "/api/v1/courses//7/outcome_rollups",
        "//api/v1/courses/7/outcome_rollups",
        "/api/v1/courses/7/outcome_rollups/",
        "/api/v1/courses/7%00/outcome_rollups",
        "/api/v1/courses/7/outcome_rollups%00",
        "/api/v1/courses/7/outcome_rollups%0a",
        "/api/v1/courses/7/outcome_rollups%2ejson",
        "/api/v1/courses%5C7%5Coutcome_rollups",
        "/api/v1/courses/7;x/outcome_rollups",
        "/api/v1/courses/%C0%AF7/outcome_rollups",
        "/api/v1/courses/sis_course_id:7/outcome_rollups",
        "/api/v1/courses/sis_course_id%3A7/outcome_rollups",
        "/api/history/v1%2Foutcomes/1",
        "/static-offline-docs/%2e%2e/%2e%2e/app.py",
        "/static-offline-docs%2Fswagger-ui.css",
    ):
        status, told, _ = await path_asked(server, path)
        assert (status, "errors" in (told or {})) == (404, True), path


async def test_the_sandboxs_paths_and_bodies_are_read_in_one_way(database: str) -> None:
    """No encoded slash leads to a write; a repeated member and an invalid number are a 400."""
    await fill(database)
    connection = await connect(database)
    await decide(connection, TENANT, SWITCH, "off")  # so that an outcome's own points may be edited
    await connection.close()
    app = routes.make_app(database, Settings(serve_port=0))
    async with serving_app(app, "127.0.0.1", 0) as (base, _):
        token = await token_for(database, TENANT)
        async with Served.over(base, token) as server:
            for path in ("/api/v1/outcomes%2F1", "/api/v1%2Foutcomes/1", "/api/v1/outcomes/1%2ejson", "/api/v1/outcomes/%2e/1"):
                status, _, _ = await path_asked(server, path, "PUT", "Content-Length: 0")
                assert status == 404, path
            for status, body in (
                (400, b'{"title": "a", "title": "b"}'),
                (400, b'{"ratings": [{"points": 1, "points": 2}]}'),
                (400, b'{"mastery_points": NaN}'),
                (400, b'{"mastery_points": -Infinity}'),
                (400, b'{"calculation_int": ' + b"9" * 5000 + b"}"),
                (400, b'{"calculation_method": "n_mastery", "calculation_int": ' + b"9" * 300 + b"}"),
                (400, b'{"mastery_points": 1e999999999}'),
                (400, b'{"title": "\\ud800"}'),
            ):
                head = "PUT /api/v1/outcomes/1 HTTP/1.1", HOST, "Connection: close", "Content-Type: application/json"
                found, told, _ = await asked(server, *head, f"Content-Length: {len(body)}", body=body)
                assert (found, bool(told["errors"])) == (status, True), body[:40]
            found, told, _ = await asked(server, *head, "Transfer-Encoding: chunked", body=CHUNK * 17)
            assert (found, bool(told["errors"])) == (413, True)


async def test_methods_of_other_times_do_nothing(server: Served) -> None:
    """The answer quotes nothing of the request, and allows no other origin."""
    for method in ("OPTIONS", "TRACE", "PROPFIND", "X" * 1000):
        status, _, told = await path_asked(server, GROUPS, method, "Origin: https://elsewhere", "X-Secret: 12345")
        assert status == 405, method
        assert b"12345" not in told
        assert b"access-control" not in told.lower()
    for lines in (("OPTIONS * HTTP/1.1", HOST), ("CONNECT elsewhere:443 HTTP/1.1", HOST), ("PRI * HTTP/2.0", HOST)):
        assert (await asked(server, *lines, "Connection: close"))[0] in (400, 404, 405), lines
    upgrade = "Upgrade: websocket", "Connection: Upgrade, close", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13"
    assert (await asked(server, GET, HOST, *upgrade))[0] == 200  # an upgrade may be ignored


async def test_every_answer_stays_with_who_asked(server: Served) -> None:
    """No cache keeps an answer or a refusal; no browser guesses its type; the documentation loads only our files."""
    for path, token in (
        (GROUPS, None),
        ("/api/v1/nothing", None),
        (GROUPS, ""),
        (GROUPS, "wrong"),
        ("/livez", ""),
        ("/docs", None),
    ):
        answer = await server.ask(path, token=token, Origin="https://elsewhere")
        assert answer.headers.get("Cache-Control") == "private, no-store", path
        assert answer.headers.get("X-Content-Type-Options") == "nosniff", path
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'; ")


async def test_links_name_the_host_that_was_asked_and_no_other(server: Served) -> None:
    """As a client behind a proxy knows it; `X-Forwarded-Host` is ignored, the scheme is that of a proxy on this machine."""
    for header, link in (
        ("Host: canvas.example:8443", "<http://canvas.example:8443/"),
        ("Host: [2001:db8::1]:80", "<http://[2001:db8::1]:80/"),
        ("Host: here\r\nX-Forwarded-Host: elsewhere\r\nForwarded: host=elsewhere", "<http://here/"),
        ("Host: here\r\nX-Forwarded-Proto: https", "<https://here/"),
    ):
        _, _, told = await asked(server, GET, header, "Connection: close")
        (line,) = (line for line in told.decode().split("\r\n") if line.lower().startswith("link:"))
        assert all(part.strip().startswith(f"{link}api/v1/courses/7/") for part in line[5:].split(",<")[:1]), line
        assert "elsewhere" not in line


async def test_a_token_in_an_address_opens_nothing(server: Served) -> None:
    """Logs have addresses; beside a header it changes nothing, and our log leaves it out."""
    with structlog.testing.capture_logs() as lines:
        assert (await path_asked(server, f"{GROUPS}?access_token=wrong"))[0] == 200
        async with Raw(server) as raw:
            raw.send(f"GET {GROUPS}?access_token={server.token} HTTP/1.1", HOST, "Connection: close")
            assert (await raw.all()).startswith(b"HTTP/1.1 401 ")
        await path_asked(server, "/" + "x" * 5000, "X" * 5000)
    told = json.dumps(lines, default=str)
    assert server.token not in told
    assert len(told) < 5000


# -- whose ids --


async def test_ids_of_other_shards_are_not_ours(server: Served, database: str) -> None:
    """A course, account or user of another shard does not exist here; ours does, by its global id in both forms."""
    for id_ in ("2107~7", f"2107{7:013}", f"00{7}"):
        assert (await server.ask(f"/api/v1/courses/{id_}/outcome_groups")).status == 200, id_
    for id_ in ("2108~7", f"2108{7:013}", "1~7", f"1{7:013}", "2107~9999999999999", f"2107{0:013}"):
        for path in (
            f"/api/v1/courses/{id_}/outcome_groups",
            f"/api/v1/courses/{id_}/outcome_rollups",
            f"/api/v1/courses/{id_}/outcome_proficiency",
            f"/api/history/v1/courses/{id_}/effective_outcome_proficiency",
        ):
            assert (await server.ask(path)).status == 404, path
    assert (await server.ask("/api/v1/accounts/2107~2")).status == 200
    for path in ("accounts/2108~2", "accounts/2108~1/courses", "accounts/2108~1/outcome_proficiency", "outcomes/2108~1"):
        assert (await server.ask(f"/api/v1/{path}")).status == 404, path
    results = "/api/v1/courses/7/outcome_results?user_ids[]="
    mine = await server.get(f"{results}{ANA_ID}")
    assert mine["outcome_results"]
    assert await server.get(f"{results}2107~{ANA_ID}") == mine
    assert (await server.ask(f"{results}2108~{ANA_ID}")).status == 400
    mastery = "/api/history/v1/courses/7/mastery?outcome_id=1&student_id="
    assert (await server.ask(f"{mastery}2107~{ANA_ID}")).status == 200
    assert (await server.ask(f"{mastery}2108~{ANA_ID}")).status == 404


async def test_where_no_event_has_told_the_shard_a_global_id_is_nobodys(database: str) -> None:
    """It does not stand for the local id at its end."""
    told = outcome(1, "Reading", context_type="Course", context_id="7"), worked(1, "ana", 1, 0.5)
    for one in told:
        one["metadata"] = {name: one["metadata"][name] for name in ("event_name", "event_time", "root_account_uuid")}
    await write(database, *told)
    async with served(database) as server:
        assert (await server.ask("/api/v1/courses/7/outcome_rollups")).status == 200
        assert (await server.ask("/api/v1/courses/2107~7/outcome_rollups")).status == 404
        await write(database, *of(OTHER, [account(1, None), course(7, 1)]))
        assert (await server.ask("/api/v1/courses/2107~7/outcome_rollups")).status == 404
        await write(database, course(7, 1))
        assert (await server.ask("/api/v1/courses/2107~7/outcome_rollups")).status == 200


async def test_a_plus_sign_that_became_a_blank_is_told(server: Served) -> None:
    """In a time's zone; other mistakes get no such hint."""
    path = f"{GROUPS}?at=2025-03-21T00:00:00"
    for zone in ("+01:00", "+0100", "%2001:00"):
        status, told, _ = await path_asked(server, path + zone)
        assert (status, "%2B" in told["errors"][0]["message"]) == (400, True), zone
    for zone in ("", "+x", "+99:00"):
        status, told, _ = await path_asked(server, path + zone)
        assert (status, "%2B" in told["errors"][0]["message"]) == (400, False), zone
    for zone in ("%2B01:00", "-01:00", "Z", "%20UTC"):
        assert (await path_asked(server, path + zone))[0] == 200, zone


# -- what nobody has asked for --


async def test_members_that_nobody_knows_are_in_no_answer(database: str) -> None:
    """They may hold people's names: not at the top, not in nested objects, not in a history."""
    secret = {"student_name": "SECRET"}
    criterion = {
        "description": "Reading",
        "points_possible": 5,
        "mastery_points": 3,
        "ratings": [{"description": "All", "points": 5, **secret}, {"description": "None", "points": 0}],
        **secret,
    }
    changed = outcome(1, "Reading", minute=60, context_type="Account", context_id="1", student_name="SECRET")
    levels = scale(4, 3, 0, minute=30, outcome_proficiency_id="90", context_type="Account", context_id="1")
    levels["body"]["outcome_proficiency_ratings"][0] |= secret
    await fill(database)
    await write(
        database,
        changed | {"body": changed["body"] | {"rubric_criterion": criterion}},
        worked(1, "ana", 1, 0.5, minute=60, **secret),
        levels | {"body": levels["body"] | secret},
        event("learning_outcome_link_updated", learning_outcome_link_id="100", **secret),
        event("learning_outcome_group_updated", learning_outcome_group_id="11", **secret),
    )
    connection = await connect(database)
    kept = "SELECT count(*) FROM {}_version WHERE extra::text LIKE '%SECRET%'"
    tables = ("outcome", "outcome_link", "outcome_group")
    assert [await connection.fetchval(kept.format(f"learning_{table}")) for table in tables] == [1, 1, 1]
    assert await connection.fetchval("SELECT count(*) FROM unknown_value WHERE members::text LIKE '%SECRET%'") == 1
    await connection.close()
    async with served(database) as server:
        for path in (
            "/api/history/v1/outcomes/1",
            "/api/history/v1/outcome_results/1",
            "/api/history/v1/outcome_groups/11",
            "/api/history/v1/outcome_group_links/100",
            "/api/history/v1/accounts/1/outcome_proficiency",
            "/api/history/v1/accounts/1/effective_outcome_proficiency",
            "/api/v1/outcomes/1",
            "/api/v1/accounts/1/outcome_proficiency",
            "/api/v1/courses/7/outcome_results",
            "/api/v1/courses/7/outcome_group_links?outcome_style=full&outcome_group_style=full",
        ):
            answer = await server.ask(path)
            assert (answer.status, b"SECRET" in answer.body, b'"extra"' in answer.body) == (200, False, False), path
        newest = (await server.get("/api/history/v1/outcomes/1"))[-1]
        assert newest["rubric_criterion"]["ratings"][0] == {"description": "All", "points": 5}


async def test_as_many_ids_as_anybody_likes_are_too_many(server: Served) -> None:
    """And pages are bounded, however large the number is."""
    for query, status in (
        ("&".join(["outcome_ids[]=1"] * 1001), 400),
        ("&".join(["outcome_ids[]=1"] * 10_000), 431),
        (f"page={'9' * 5000}", 400),
        (f"per_page={'9' * 5000}", 400),
        ("page=999999999&per_page=100", 200),
        ("page=9223372036854775807", 400),
        ("page=1&page=-1", 400),
    ):
        begun = time.monotonic()
        assert (await path_asked(server, f"/api/v1/courses/7/outcome_rollups?{query}"))[0] == status, query[:40]
        assert time.monotonic() - begun < 20
