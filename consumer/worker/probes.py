"""`/livez`, `/readyz` and `/metrics` of a worker or an intake."""

import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from consumer.errors import Fatal, Transient, reason

ASK_SECONDS = 5.0


class Probed(Protocol):
    """What `/livez` and `/readyz` say."""

    @property
    def waiting_for(self) -> str | None:
        """Why it is not ready; None when all is well."""

    def alive(self) -> bool:
        """False when only a restart helps."""


async def ask(url: str) -> tuple[int, str]:
    """What the probes of another process answer. Raises `Transient`."""
    try:
        async with ClientSession(timeout=ClientTimeout(ASK_SECONDS)) as client, client.get(url) as answer:
            return answer.status, await answer.text(errors="replace")
    except (ClientError, ValueError, TimeoutError) as error:
        raise Transient(f"{url} does not answer: {error or type(error).__name__}") from error


@asynccontextmanager
async def serving(
    host: str, port: int, health: Probed, metrics: Callable[[], bytes], *, or_another: bool = False
) -> AsyncIterator[int]:
    """Answers while the block runs; gives the port. Port 0 picks a free one, as `or_another` does where the port is taken."""

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if health.alive() else web.Response(status=503, text="the loops stand still\n")

    async def readyz(_: web.Request) -> web.Response:
        if health.waiting_for is None:
            return web.Response(text="ok\n")
        return web.Response(status=503, text=f"waiting for {health.waiting_for}\n")

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", show_metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            try:
                await web.TCPSite(runner, host, port).start()
            except OSError as error:
                if not or_another or error.errno != errno.EADDRINUSE:
                    raise
                await web.TCPSite(runner, host, 0).start()
        except OSError as error:
            raise Fatal(
                f"port {port} of {host} cannot be opened ({reason(error)}); set OUTCOMES_HTTP_HOST to "
                "an address of this machine, or --http-port or OUTCOMES_HTTP_PORT to a free port, 0 for none"
            ) from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
