"""Delivers to an intake as Canvas does: one event a request, again until it is answered with 2xx."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from consumer.errors import Fatal, Transient, reason

AT_ONCE = 16
PAUSE_SECONDS, MOST_PAUSE_SECONDS = 0.2, 5.0
"""Before an event is delivered again; twice as long each time. Canvas waits for minutes."""
ANSWER_SECONDS = 15.0
"""Then Canvas gives up, and delivers again."""
_FINAL = {400, 403, 404, 405, 413}
KEY_SECONDS = 60.0
"""An intake may not have fetched a new key yet, and asks for it every 30 s; after that 401 is final too."""
_SHOWN = 200
"""Characters of an answer."""
SECRET_HEADER = "X-Outcomes-Secret"  # noqa: S105 - its name


async def deliver(
    url: str,
    bodies: Iterable[bytes],
    *,
    secret: str | None = None,
    seconds: float | None = None,
    delivered: Callable[[], None] = lambda: None,
    waiting: Callable[[str], None] = lambda _: None,
) -> int:
    """Returns how many, once each is answered with 2xx; each is delivered again until it is. Calls `delivered` after each.

    Calls `waiting` with a sentence for each reason why one has to be delivered again, once.

    Raises `Transient` with the last reason where one was not within `seconds`, and `Fatal` where the intake refuses one
    for what no later delivery changes: 401 to a `secret` at once, to a signature after `KEY_SECONDS`.
    """
    rest, done = iter(bodies), 0
    last, told = "", set[str]()
    headers = {} if secret is None else {SECRET_HEADER: secret}

    def wait_for(why: str) -> None:
        if why not in told:
            told.add(why)
            waiting(f"waiting: {why}; each event is sent again until it is taken")

    async def in_turn(client: aiohttp.ClientSession) -> None:
        nonlocal done, last
        for body in rest:
            pause, key_is_known = PAUSE_SECONDS, time.monotonic() + KEY_SECONDS
            while last := await _refused(client, url, body, secret is not None or time.monotonic() > key_is_known):
                wait_for(last)
                await asyncio.sleep(pause)
                pause = min(MOST_PAUSE_SECONDS, 2 * pause)
            done += 1
            delivered()

    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with asyncio.timeout(seconds), aiohttp.ClientSession(headers=headers, timeout=timeout) as client:
            await _all([asyncio.create_task(in_turn(client), name="deliver") for _ in range(AT_ONCE)])
    except TimeoutError as error:
        # Without the path of the address, which may hold the secret.
        raise Transient(f"the intake has not answered 2xx within {seconds:g} s{last and ': '}{last}") from error
    return done


async def _all(tasks: list["asyncio.Task[None]"]) -> None:
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _refused(client: aiohttp.ClientSession, url: str, body: bytes, is_known: bool) -> str:
    """Delivers once. Why it was not taken; empty where it was. Raises `Fatal` for a final answer.

    `is_known`: whether the intake can know who delivers.
    """
    try:
        async with client.post(url, data=body) as answer:
            if answer.status < 300:
                return ""
            said = f"({answer.status}): {(await answer.text(errors='replace')).strip()[:_SHOWN]}"
    except aiohttp.InvalidURL as error:
        raise Fatal("the address of the intake cannot be used; one is https://host/events") from error
    except aiohttp.ClientConnectorCertificateError as error:
        return f"the certificate of {error.host}:{error.port} is not trusted"
    except aiohttp.ClientConnectorError as error:
        where = f"{error.host}:{error.port}"
        refused = isinstance(error.os_error, ConnectionRefusedError)
        return f"nobody listens at {where}" if refused else f"{where} cannot be reached ({error.os_error.strerror})"
    except (aiohttp.ClientError, TimeoutError) as error:  # it was killed in between, or hangs
        return f"no whole answer came ({type(error).__name__})"
    if answer.status in _FINAL or (answer.status == 401 and is_known):
        raise Fatal(f"the intake refuses an event {said}")
    return f"its last answer was {said}"


@asynccontextmanager
async def showing(keys: bytes, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """An address that shows these keys, for OUTCOMES_INTAKE_JWKS_URL, while the block runs."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=keys, content_type="application/json")

    app = web.Application()
    app.add_routes([web.get("/jwks", answer)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise Fatal(f"{host}:{port} cannot be opened ({reason(error)}); set --keys-port to a free port") from error
        yield f"http://{host}:{runner.addresses[0][1]}/jwks"
    finally:
        await runner.cleanup()
