"""`outcomes intake https`: one event a request, answered with 2xx once it is kept, always before Canvas' 15 seconds."""

import asyncio
import time
from typing import Any

from consumer import log
from consumer.errors import NoEvent, RecordTooLarge, Transient
from consumer.intake.events import HEADER, Event, events_of
from consumer.intake.gates import SECRET_HEADER, Gate, Refused
from consumer.intake.keeping import Keeper
from consumer.intake.metrics import IntakeMetrics

PATH = "/events"
MAX_BODY = 2 * 1024 * 1024
"""Bytes. Canvas sends events of at most 1,000,000 bytes, which are 1.4 MB as a token."""
MOST_IN_FLIGHT = 1_000
"""Requests that are being answered at a time."""
MOST_BYTES_IN_FLIGHT = 8 * 1024 * 1024
"""Of their bodies."""
ANSWER_SECONDS = 12.0
"""Canvas gives up after 15."""
RETRY_AFTER_SECONDS = 30
_HEADERS = {HEADER: "https"}
_OK = ((b"content-length", b"0"),)
_BUSY = Refused(429, "busy", "too many events are being stored; deliver it again")
_SLOW = Refused(408, "slow", "the body did not come in time")
_GONE = Refused(400, "gone", "the client went away")
_TOO_LARGE = Refused(413, "too_large", f"the body has more than {MAX_BODY} bytes")
_AWAY = Refused(503, "away", "the event cannot be stored now; deliver it again")


class Https:
    """The ASGI application. No query, path, header or body is logged: they hold secrets and people."""

    def __init__(self, gate: Gate, keeper: Keeper, metrics: IntakeMetrics, *, drop_personal: bool) -> None:
        self._gate = gate
        self._keeper = keeper
        self._metrics = metrics
        self._drop_personal = drop_personal
        self._requests = 0
        self._bytes = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers one request."""
        begun = time.monotonic()
        self._requests += 1
        taken = _Taken()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                refused = await self._answer(scope, receive, taken)
        except TimeoutError:
            refused = _AWAY if taken.whole else _SLOW
        except Exception as error:  # a bug: uvicorn would log the body with it
            log.get("intake").error("request_failed", error=type(error).__name__, where=log.where(error))
            refused = Refused(500, "bug", "an error occurred")
        finally:
            self._requests -= 1
            self._bytes -= taken.bytes
            self._metrics.in_flight.set(self._requests)
        self._metrics.seconds.observe(time.monotonic() - begun)
        if refused is None:
            await send({"type": "http.response.start", "status": 200, "headers": _OK})
            await send({"type": "http.response.body", "body": b""})
            return
        self._metrics.refused.labels(refused.reason).inc()
        body = f"{refused.sentence}\n".encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        if refused.status in (429, 503):
            headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
        if not taken.whole:
            headers.append((b"connection", b"close"))  # the rest of the body is not read
        await send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Any, receive: Any, taken: "_Taken") -> Refused | None:
        """None once all is kept."""
        path, _, secret = scope["path"].removeprefix(PATH).partition("/")
        if not scope["path"].startswith(PATH) or path:
            return Refused(404, "path", f"deliver to {PATH}")
        if scope["method"] != "POST":
            return Refused(405, "method", "deliver by POST")
        headers = dict(scope["headers"])
        if refused := self._gate.refuse_head(headers.get(SECRET_HEADER) or secret.encode()):
            return refused
        events = await self._events(headers.get(b"content-length"), receive, taken)
        if isinstance(events, Refused):
            return events
        try:
            await asyncio.gather(*map(self._keeper.keep, events)) if len(events) > 1 else await self._keeper.keep(events[0])
        except RecordTooLarge as error:
            return Refused(413, "too_large", str(error))
        except Transient:
            return _AWAY
        return None

    async def _events(self, length: bytes | None, receive: Any, taken: "_Taken") -> list[Event] | Refused:
        """The events of the body, which is in memory no longer than this takes."""
        body = await self._body(length, receive, taken)
        if isinstance(body, Refused):
            return body
        event = await self._gate.open(body)
        if isinstance(event, Refused):
            return event
        try:
            return events_of(event, _HEADERS, drop_personal=self._drop_personal)
        except NoEvent as error:
            return Refused(400, "no_event", str(error))

    async def _body(self, length: bytes | None, receive: Any, taken: "_Taken") -> bytes | Refused:
        """The whole body. Counts its bytes as soon as their number is known."""
        expected = int(length) if length is not None else 0
        if expected > MAX_BODY:
            return _TOO_LARGE
        if self._requests > MOST_IN_FLIGHT or not self._take(expected, taken):
            return _BUSY
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return _GONE
            parts.append(message["body"])
            size += len(message["body"])
            if size > MAX_BODY:
                return _TOO_LARGE
            if size > taken.bytes and not self._take(size - taken.bytes, taken):
                return _BUSY
            if not message["more_body"]:
                taken.whole = True
                return b"".join(parts) if len(parts) > 1 else parts[0]

    def _take(self, size: int, taken: "_Taken") -> bool:
        if self._bytes + size > MOST_BYTES_IN_FLIGHT:
            return False
        self._bytes += size
        taken.bytes += size
        return True


class _Taken:
    """What a request has taken of the limits."""

    __slots__ = ("bytes", "whole")

    def __init__(self) -> None:
        self.bytes = 0
        self.whole = False
        """Whether its body has come."""
