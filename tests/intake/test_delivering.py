"""Whoever plays Canvas says what it waits for, and does not hammer."""

import asyncio
import time

import pytest
from aiohttp import web

from consumer.engines.kafka import free_port
from consumer.errors import Fatal
from consumer.sources import delivering
from consumer.sources.delivering import deliver


async def test_it_says_once_why_it_delivers_again_and_waits_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reason in a sentence: that nobody is there, and what the intake answers."""
    monkeypatch.setattr(delivering, "PAUSE_SECONDS", 0.02)
    port, asked, said, spoke = free_port(), list[float](), list[str](), asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        asked.append(time.monotonic())
        return web.Response(status=503, text="no keys yet") if len(asked) < 3 else web.Response()

    app = web.Application()
    app.add_routes([web.post("/events", answer)])
    runner = web.AppRunner(app)
    await runner.setup()

    def waiting(sentence: str) -> None:
        said.append(sentence)
        spoke.set()

    delivered = asyncio.create_task(deliver(f"http://127.0.0.1:{port}/events", [b"{}"], waiting=waiting))
    try:
        async with asyncio.timeout(10):
            await spoke.wait()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            assert await delivered == 1
    finally:
        delivered.cancel()
        await runner.cleanup()
    reasons = [f"nobody listens at 127.0.0.1:{port}", "its last answer was (503): no keys yet"]
    assert said == [f"waiting: {reason}; each event is sent again until it is taken" for reason in reasons]
    assert asked[1] - asked[0] > 0.039
    assert asked[2] - asked[1] > 0.079


async def test_who_stays_unknown_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """An intake that wants a secret never takes what is signed: it is asked for as long as it may look for a key."""
    monkeypatch.setattr(delivering, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(delivering, "KEY_SECONDS", 0.1)
    asked = list[None]()

    async def answer(_: web.Request) -> web.Response:
        asked.append(None)
        return web.Response(status=401, text="the secret is missing or wrong")

    app = web.Application()
    app.add_routes([web.post("/events", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        with pytest.raises(Fatal, match=r"refuses an event \(401\): the secret is missing or wrong"):
            await deliver(f"http://127.0.0.1:{runner.addresses[0][1]}/events", [b"{}"])
    finally:
        await runner.cleanup()
    assert len(asked) > 1
