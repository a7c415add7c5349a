"""The answer to a request says what became of its event: 2xx if and only if it is kept."""

import asyncio
import hashlib
import hmac
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.errors import Fatal, RecordTooLarge, Transient
from consumer.intake import connections, https
from consumer.intake.gates import LEEWAY_SECONDS
from consumer.intake.https import Https
from consumer.intake.keys import AGAIN_SECONDS, NO_KEYS_SECONDS, KeySet
from consumer.intake.running import listening
from tests.intake import canvas
from tests.intake.serving import SECRET, Held, intake
from tests.samples import result

EVENT = {"metadata": {**result()["metadata"], "user_login": "ada"}, "body": result()["body"]}
RAW = orjson.dumps(EVENT)


def published(value: bytes) -> Any:
    """What the topic would have."""
    return orjson.loads(value)


async def test_a_signed_event_is_stored_and_answered(tmp_path: Path) -> None:
    """200 once the outlet has it: metadata and body alone, without what is personal."""
    async with intake(tmp_path) as here:
        assert await here.post(canvas.token(EVENT)) == (200, "")
        (value,) = here.outlet.stored
    assert published(value) == result()


@pytest.mark.parametrize("around", [b'"%s"', b" %s\r\n", b'\n"%s" '])
async def test_quotes_and_content_type_do_not_matter(around: bytes, tmp_path: Path) -> None:
    """The token is read from the raw bytes, as a JSON string too."""
    async with intake(tmp_path) as here:
        assert (await here.post(around % canvas.token(EVENT), **{"Content-Type": "text/strange"}))[0] == 200
        assert len(here.outlet.stored) == 1


def _with_public_key(event: Any) -> bytes:
    """Signed by HS256 with the public key, which everybody knows, as the secret."""
    head = canvas.encoded(orjson.dumps({"alg": "HS256", "kid": "key 1"}))
    signed = head + b"." + canvas.encoded(orjson.dumps(event | {"iss": canvas.ISSUER}))
    secret = orjson.dumps(canvas.shown(1))
    return signed + b"." + canvas.encoded(hmac.digest(secret, signed, hashlib.sha256))


def _unsigned(event: Any) -> bytes:
    head = canvas.encoded(orjson.dumps({"alg": "none", "kid": "key 1"}))
    return head + b"." + canvas.encoded(orjson.dumps(event | {"iss": canvas.ISSUER})) + b"."


FORGED: dict[str, Callable[[], bytes]] = {
    "no signature": lambda: _unsigned(EVENT),
    "alg none with the signature": lambda: canvas.token(EVENT, header={"alg": "none"}),
    "HS256 with the public key": lambda: _with_public_key(EVENT),
    "another algorithm": lambda: canvas.token(EVENT, header={"alg": "RS512"}),
    "no kid": lambda: canvas.token(EVENT, header={"kid": None}),
    "another key": lambda: canvas.token(EVENT, number=2),
    "another key under Canvas' kid": lambda: canvas.token(EVENT, number=2, header={"kid": "key 1"}),
    "a critical extension": lambda: canvas.token(EVENT, header={"crit": ["b64"], "b64": False}),
    "another issuer": lambda: canvas.token(EVENT, claims={"iss": "https://example.org"}),
    "no issuer": lambda: canvas.token(EVENT, claims={"iss": None}),
    "expired": lambda: canvas.token(EVENT, claims={"exp": int(time.time()) - LEEWAY_SECONDS - 5}),
    "not yet valid": lambda: canvas.token(EVENT, claims={"nbf": int(time.time()) + LEEWAY_SECONDS + 60}),
    "no time": lambda: canvas.token(EVENT, claims={"exp": "tomorrow"}),
    "truncated": lambda: canvas.token(EVENT)[:-7],
    "another payload": lambda: _swapped(canvas.token(EVENT), canvas.token(EVENT | {"body": {}})),
    "unsigned JSON": lambda: RAW,
    "nothing": lambda: b"",
}


def _swapped(token: bytes, other: bytes) -> bytes:
    head, _, signature = token.split(b".")
    return b".".join((head, other.split(b".")[1], signature))


async def test_forged_tokens_are_refused(tmp_path: Path) -> None:
    """Each gets 401 and a sentence, and nothing of it is stored."""
    async with intake(tmp_path) as here:
        for what, forged in FORGED.items():
            status, sentence = await here.post(forged())
            assert (status, sentence[-1:]) == (401, "\n"), what
        assert here.outlet.stored == []
        assert (await here.post(canvas.token(EVENT)))[0] == 200


async def test_what_is_signed_but_no_event_is_refused(tmp_path: Path) -> None:
    """400: delivering it again would not help."""
    async with intake(tmp_path) as here:
        assert (await here.post(canvas.token({"hello": 1})))[0] == 400
        assert here.metric("outcomes_intake_refused_total") == 1


async def test_a_replayed_token_is_stored_again(tmp_path: Path) -> None:
    """A copy does no harm: the worker counts it as a duplicate. To refuse it would refuse Canvas' own retries."""
    async with intake(tmp_path) as here:
        token = canvas.token(EVENT, claims={"exp": int(time.time()) - LEEWAY_SECONDS + 60})
        assert [(await here.post(token))[0] for _ in range(2)] == [200, 200]
        assert len(set(here.outlet.stored)) == 1


async def test_keys_rotate_under_load(tmp_path: Path) -> None:
    """A new key is fetched at the first event that names it, once for all of them; an old one is refused when it is gone."""
    now = [1000.0]
    async with intake(tmp_path, clock=lambda: now[0]) as here:
        assert (await here.post(canvas.token(EVENT)))[0] == 200
        now[0] += AGAIN_SECONDS
        here.jwks.numbers = [2, 3]
        tokens = [canvas.token(EVENT, number=2) for _ in range(20)]
        assert {status for status, _ in await asyncio.gather(*map(here.post, tokens))} == {200}
        assert here.jwks.asked == 2
        assert (await here.post(canvas.token(EVENT)))[0] == 401


async def test_unknown_keys_do_not_make_us_ask_canvas_all_the_time(tmp_path: Path) -> None:
    """However many keys are invented, the address is asked once in 30 seconds, also while it fails."""
    now = [1000.0]
    async with intake(tmp_path, clock=lambda: now[0]) as here:
        for step, (status, asked) in enumerate([(200, 1), (500, 2)]):
            here.jwks.status = status
            for number in range(5):
                forged = canvas.token(EVENT, header={"kid": f"invented {step} {number}"})
                assert (await here.post(forged))[0] == (401 if status == 200 else 503)
            assert here.jwks.asked == asked
            now[0] += AGAIN_SECONDS


async def test_while_no_key_is_known_the_address_is_asked_more_often(tmp_path: Path) -> None:
    """Until then every event is refused."""
    now, asked = [1000.0], []

    async def fetch() -> bytes:
        asked.append(now[0])
        raise Transient("away")

    keys = KeySet(fetch, tmp_path / "jwks.json", clock=lambda: now[0])
    for _ in range(11):
        await keys.look_again()
        now[0] += 1
    assert asked == [1000.0, 1000.0 + NO_KEYS_SECONDS, 1000.0 + 2 * NO_KEYS_SECONDS]


async def test_an_address_that_is_taken_is_named_with_what_to_set() -> None:
    """And the reason, once."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Fatal) as told:
            async with listening(cast(Https, None), "127.0.0.1", port):
                pass
    assert str(told.value) == (
        f"127.0.0.1:{port} cannot be opened (Address already in use); "
        "set --host and --port, or OUTCOMES_INTAKE_HOST and OUTCOMES_INTAKE_PORT"
    )


async def test_keys_that_cannot_be_fetched_keep_those_of_yesterday(tmp_path: Path) -> None:
    """Known keys go on, also after a restart; an unknown one gets 503, for it may be Canvas' new one."""
    async with intake(tmp_path) as here:
        assert (await here.post(canvas.token(EVENT)))[0] == 200
    async with intake(tmp_path) as here:
        here.jwks.status = 500
        assert (await here.post(canvas.token(EVENT)))[0] == 200
        assert (await here.post(canvas.token(EVENT, number=2)))[0] == 503


async def test_the_secret_opens_and_nothing_else(tmp_path: Path) -> None:
    """In the path or the header; without it no body is read."""
    async with intake(tmp_path, secret=SECRET) as here:
        assert (await here.post(RAW, f"/events/{SECRET}"))[0] == 200
        assert (await here.post(RAW, **{"X-Outcomes-Secret": SECRET}))[0] == 200
        for path in ("/events", "/events/", f"/events/{SECRET}x", f"/events/{SECRET[:-1]}", f"/events/x/{SECRET}"):
            assert (await here.post(RAW, path))[0] == 401
        assert (await here.post(RAW, f"/events/wrong?{SECRET}", **{"X-Outcomes-Secret": "wrong"}))[0] == 401
        assert len(here.outlet.stored) == 2


async def test_a_signed_event_where_unsigned_ones_are_due_is_refused_with_advice(tmp_path: Path) -> None:
    """The sentence says what to change."""
    async with intake(tmp_path, secret=SECRET) as here:
        status, sentence = await here.post(canvas.token(EVENT), f"/events/{SECRET}")
    assert status == 400
    assert "OUTCOMES_INTAKE_SECRET" in sentence


async def test_other_paths_and_methods_are_refused(tmp_path: Path) -> None:
    """404 and 405, and none of them is an error of ours."""
    async with intake(tmp_path) as here:
        for path in ("/", "/eventsx", "/health", "/events/../x", "//events"):
            assert (await here.post(b"", path))[0] in (404, 401)
        async with here.client.get(f"{here.url}/events") as answer:
            assert answer.status == 405


async def test_bodies_of_one_megabyte_are_taken_and_larger_ones_refused(tmp_path: Path) -> None:
    """Canvas' largest event is 1.4 MB as a token; more is refused, whatever the request says of its length."""
    large = EVENT | {"body": {**EVENT["body"], "title": "x" * 990_000}}

    async def endless() -> Any:
        for _ in range(10):
            yield b"x" * (https.MAX_BODY // 8)

    async with intake(tmp_path) as here:
        assert (await here.post(canvas.token(large)))[0] == 200
        assert (await here.post(b"x" * (https.MAX_BODY + 1)))[0] == 413
        async with here.client.post(f"{here.url}/events", data=endless()) as answer:
            assert answer.status == 413
        here.outlet.error = RecordTooLarge("too large")
        assert (await here.post(canvas.token(EVENT)))[0] == 413
        assert here.spool is not None
        assert here.spool.events == 0


async def test_too_much_in_flight_is_sent_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """429 and Retry-After beyond the limits of number and bytes; afterwards all is taken again."""
    monkeypatch.setattr(https, "MOST_IN_FLIGHT", 3)
    async with intake(tmp_path, outlet=Held(seconds=0.5)) as here:
        answers = await asyncio.gather(*(here.post(canvas.token(EVENT)) for _ in range(5)))
        assert sorted(status for status, _ in answers) == [200, 200, 200, 429, 429]
        token = canvas.token(EVENT)
        monkeypatch.setattr(https, "MOST_BYTES_IN_FLIGHT", len(token) + 100)
        answers = await asyncio.gather(*(here.post(token) for _ in range(3)))
        assert sorted(status for status, _ in answers) == [200, 429, 429]
        async with here.client.post(f"{here.url}/events", data=b"x" * 20_000) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, str(https.RETRY_AFTER_SECONDS))
        assert (await here.post(canvas.token(EVENT)))[0] == 200


async def test_without_a_spool_an_outage_is_503(tmp_path: Path) -> None:
    """Canvas delivers again after Retry-After."""
    async with intake(tmp_path, spool_bytes=0, outlet=Held(Transient("away"))) as here:
        assert (await here.post(canvas.token(EVENT)))[0] == 503
        assert here.keeper.waiting_for
        here.outlet.error = None
        assert (await here.post(canvas.token(EVENT)))[0] == 200
        assert len(here.outlet.stored) == 1


async def test_an_answer_comes_before_canvas_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outlet that hangs costs the event its direct way, and the request no more than its time."""
    monkeypatch.setattr(https, "ANSWER_SECONDS", 0.3)
    async with intake(tmp_path, spool_bytes=0, outlet=Held(seconds=30), outlet_seconds=60) as here:
        begun = time.monotonic()
        assert (await here.post(canvas.token(EVENT)))[0] == 503
        assert time.monotonic() - begun < 5


async def test_slow_clients_hold_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends its head or body drop by drop is cut off; the others are served meanwhile."""
    monkeypatch.setattr(https, "ANSWER_SECONDS", 0.4)
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.4)
    async with intake(tmp_path) as here:
        port = int(here.url.rpartition(":")[2])
        heads = [b"POST /ev", b"POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc", b""]
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in heads for _ in range(5)]
        for number, (_, writer) in enumerate(slow):
            writer.write(heads[number % len(heads)])
        assert (await here.post(canvas.token(EVENT)))[0] == 200
        async with asyncio.timeout(5):
            answers = [await reader.read() for reader, _ in slow]
        assert {answer[:12] for answer in answers} == {b"", b"HTTP/1.1 408"}
        for _, writer in slow:
            writer.close()
        assert (await here.post(canvas.token(EVENT)))[0] == 200


async def test_an_endless_head_is_cut_off(tmp_path: Path) -> None:
    """It takes no memory."""
    async with intake(tmp_path) as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(here.url.rpartition(":")[2]))
        writer.write(b"POST /events HTTP/1.1\r\nx: " + b"y" * (2 * connections.HEAD_BYTES))
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_connections_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is answered 503 and closed."""
    monkeypatch.setattr(connections, "_MOST_OPEN", 2)
    async with intake(tmp_path) as here:
        port = int(here.url.rpartition(":")[2])
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert (await asyncio.wait_for(idle[2][0].read(), 5)).startswith(b"HTTP/1.1 503")
        for _, writer in idle:
            writer.close()


async def test_what_is_in_flight_is_answered_when_it_stops(tmp_path: Path) -> None:
    """No new connection is accepted, and the event that has come gets its answer."""
    async with intake(tmp_path, outlet=Held(seconds=0.5)) as here:
        waiting = asyncio.create_task(here.post(canvas.token(EVENT)))
        await asyncio.sleep(0.2)
    assert (await waiting)[0] == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(here.url.rpartition(":")[2])), 1)


BODIES = st.one_of(
    st.binary(max_size=400),
    st.binary(max_size=60).map(lambda some: some + RAW + some[::-1]),
    st.tuples(st.integers(0, len(RAW) - 1), st.integers(0, 255)).map(
        lambda at: RAW[: at[0]] + bytes([at[1]]) + RAW[at[0] + 1 :]
    ),
)


@pytest.mark.parametrize("signed", [True, False])
async def test_any_body_gets_a_4xx_or_is_an_event(signed: bool, tmp_path: Path) -> None:
    """Never a 5xx, and 200 if and only if it was stored."""
    async with intake(tmp_path, secret=None if signed else SECRET) as here:
        loop = asyncio.get_running_loop()

        @settings(max_examples=60, deadline=None)
        @given(BODIES, st.booleans())
        def deliver(body: bytes, in_token: bool) -> None:
            if signed and in_token:
                signing = canvas.encoded(orjson.dumps({"alg": "RS256", "kid": "key 1"})) + b"." + canvas.encoded(body)
                body = signing + b"." + canvas.encoded(canvas.signature(signing))
            before = len(here.outlet.stored)
            posting = here.post(body, "/events" if signed else f"/events/{SECRET}")
            status, _ = asyncio.run_coroutine_threadsafe(posting, loop).result(10)
            assert (status == 200) == (len(here.outlet.stored) == before + 1)
            assert status == 200 or 400 <= status < 500

        await asyncio.to_thread(deliver)
