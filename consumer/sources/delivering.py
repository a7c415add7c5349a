"""Delivers to an intake as Canvas does: one event a request, again until it is answered with 2xx."""

import asyncio
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

    Raises `Transient` where one was not within `seconds`, and `Fatal` where the intake refuses one for its content (400, 413).
    """
    rest, done = iter(bodies), 0
    told: set[str] = set()
    headers = {} if secret is None else {SECRET_HEADER: secret}

    def wait_for(reason: str) -> None:
        if reason not in told:
            told.add(reason)
            waiting(f"waiting: {reason}; each event is sent again until it is taken")

    async def in_turn(client: aiohttp.ClientSession) -> None:
        nonlocal done
        for body in rest:
            await _delivered(client, url, body, wait_for)
            done += 1
            delivered()

    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with asyncio.timeout(seconds), aiohttp.ClientSession(headers=headers, timeout=timeout) as client:
            await _all([asyncio.create_task(in_turn(client), name="deliver") for _ in range(AT_ONCE)])
    except TimeoutError as error:
        raise Transient(f"the intake has not answered 2xx within {seconds:g} s") from error  # its address may hold the secret
    return done


async def _all(tasks: list["asyncio.Task[None]"]) -> None:
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _delivered(client: aiohttp.ClientSession, url: str, body: bytes, wait_for: Callable[[str], None]) -> None:
    pause = PAUSE_SECONDS
    while True:
        try:
            async with client.post(url, data=body) as answer:
                if answer.status < 300:
                    return
                if answer.status in (400, 404, 413):
                    raise Fatal(f"the intake refuses an event ({answer.status}): {(await answer.text()).strip()}")
                wait_for(f"the intake answers {answer.status}: {(await answer.text()).strip()}")
        except (aiohttp.ClientError, TimeoutError):  # it is away, or was killed in between
            wait_for("no intake answers at that address")
        await asyncio.sleep(pause)
        pause = min(MOST_PAUSE_SECONDS, 2 * pause)


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
