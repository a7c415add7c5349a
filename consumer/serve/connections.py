"""A server's connections: how many, how long, how large, and nothing that a proxy may read otherwise. On uvicorn's protocol.

uvicorn gives headers and bodies any time, keeps clients that do not read for ever, and answers who is beyond its limit of
connections only once a whole request is there.
"""

import asyncio
import re
import resource
from collections import Counter
from http import HTTPStatus
from typing import Any

import h11
import orjson
from uvicorn.protocols.http.h11_impl import H11Protocol

from consumer import log
from consumer.serve.api.rails_params import MAX_BYTES

MOST_OPEN = 500
"""Connections, or half of the files that the process may open. Beyond that the one that has waited longest for a request makes
room; where all are being answered, the new one is told 503."""
MOST_REFUSED = 100
"""Connections that have been told no, and are waited for until they have read it."""
HEAD_BYTES = 64 * 1024
"""Of a request's line and headers: enough for as many ids as a filter may name."""
REQUEST_SECONDS = 20.0
"""From the first byte of a request (or the connection) to the last."""
UNREAD_SECONDS = 30.0
"""How long a client may take nothing of its answer."""
LINGER_SECONDS = 2.0
"""A refused client that still sends would lose the refusal if the connection were closed at once."""
RETRY_AFTER_SECONDS = 5
"""When to ask again while there is no room, or the database is away."""

_HOST = re.compile(rb"\nhost:[ \t]*(\[[0-9a-f:.]+\]|[a-z0-9._~-]+)(:[0-9]{1,5})?[ \t]*\r?\n")
_BUSY = "too many connections are open; ask again soon"
_SENTENCES = {
    400: "the request is not valid HTTP, or may be read in two ways",
    408: "the request did not come in time",
    413: f"the body has more than {MAX_BYTES} bytes",
    431: f"the request line and the headers have more than {HEAD_BYTES} bytes",
    501: "of transfer encodings only chunked is known",
    503: _BUSY,
}


class _Strict(h11.Connection):
    """Refuses what two servers may read in two ways (a proxy and this one), and more than there is room for."""

    problem: h11.RemoteProtocolError | None = None
    _body = 0

    def next_event(self) -> Any:
        """As h11's, which takes folded headers, a length beside chunks, and a whole head of any size."""
        head = self.trailing_data[0] if self.their_state is h11.IDLE else b""
        try:
            event = super().next_event()
            if type(event) is h11.Request:
                self._body = 0
                self._judge(event, head[: len(head) - len(self.trailing_data[0])])
            elif type(event) is h11.Data:
                self._body += len(event.data)
                if self._body > MAX_BYTES:
                    raise h11.RemoteProtocolError("body", 413)
        except h11.RemoteProtocolError as error:
            self.problem = error
            raise
        return event

    def _judge(self, request: h11.Request, head: bytes) -> None:
        """By the bytes, which is faster than by h11's headers: most requests have neither a length nor chunks."""
        if len(head) > HEAD_BYTES:
            raise h11.RemoteProtocolError("head", 431)
        head = head.lower()
        if b"\n " in head or b"\n\t" in head or (b"\nhost:" in head and _HOST.search(head) is None):
            raise h11.RemoteProtocolError("folded, or a host that is none", 400)
        if b"\ncontent-length:" in head or b"\ntransfer-encoding:" in head:
            headers = dict(request.headers)
            length = headers.get(b"content-length")
            if b"transfer-encoding" in headers and (length is not None or request.http_version < b"1.1"):
                raise h11.RemoteProtocolError("framing", 400)
            if length is not None and int(length) > MAX_BYTES:
                raise h11.RemoteProtocolError("length", 413)


class Connections:
    """All of one server."""

    def __init__(self) -> None:
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.most = MOST_OPEN if files == resource.RLIM_INFINITY else min(MOST_OPEN, files // 2)
        self.refused: set[Connection] = set()
        self.told: Counter[int] = Counter()
        """Refusals since the last look, by status."""
        self.open: set[Connection] = set()

    def new(self, *args: Any, **kwargs: Any) -> "Connection":
        """What uvicorn makes for each connection."""
        return Connection(self, *args, **kwargs)

    def look(self) -> None:
        """Ends what takes too long. Called each second."""
        for connection in (*self.open, *self.refused):
            connection.look()
        if self.told:
            log.get("serve").info("refused", statuses=dict(self.told))
            self.told.clear()

    def longest_waiting(self) -> "Connection | None":
        """The open connection that has gone longest without a whole request."""
        waiting = (connection for connection in self.open if connection.is_waiting)
        return min(waiting, key=lambda connection: connection.since, default=None)

    def close(self) -> None:
        """Ends what is left when the server has stopped."""
        for connection in (*self.open, *self.refused):
            connection.transport.abort()


class Connection(H11Protocol):
    """One of them."""

    def __init__(self, all_: Connections, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn: _Strict = _Strict(h11.SERVER, HEAD_BYTES)
        self._all = all_
        self.since = 0.0
        """When the connection, or the last request, began or was answered."""
        self._asking = True
        """A request has begun, or none has come yet: `since` counts."""
        self._unread, self._unread_since = 0, 0.0

    @property
    def is_waiting(self) -> bool:
        """Nothing is being answered: the next request is not there, or not whole."""
        return self.cycle is None or self.cycle.response_complete or self._asking

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Makes room, or tells that there is none."""
        super().connection_made(transport)
        self.since = self.loop.time()
        if len(self._all.open) >= self._all.most:
            idle = self._all.longest_waiting()
            if idle is None:
                self._refuse(503)
                return
            idle.make_room()
        self._all.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets it."""
        self._all.open.discard(self)
        self._all.refused.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on; of a client that was refused, nothing."""
        if self not in self._all.open:
            return
        if not self._asking and self.is_waiting:
            self.since, self._asking = self.loop.time(), True
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._asking = False

    def on_response_complete(self) -> None:
        """Waits for the next request."""
        if not self._asking:
            self.since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are not ours
        """Called by uvicorn for whatever is no HTTP."""
        problem = self.conn.problem
        self._refuse(problem.error_status_hint if problem is not None else 400)

    def _should_upgrade(self) -> bool:
        """To nothing, and without uvicorn's two lines in the log for each who asks."""
        return False

    def shutdown(self) -> None:
        """Called by uvicorn when the server stops."""
        if self in self._all.open:
            super().shutdown()
        else:
            self.transport.close()

    def make_room(self) -> None:
        """Ends a connection that asks nothing. One that has been answered before knows that it may be closed at any time."""
        if self.cycle is None or self._asking:
            self._refuse(503)
        else:
            self._all.open.discard(self)
            self.transport.close()

    def look(self) -> None:
        """Ends it where it takes too long."""
        now = self.loop.time()
        if self in self._all.refused:
            if now - self.since > LINGER_SECONDS:
                self.transport.abort()
            return
        unread = self.transport.get_write_buffer_size()
        if unread == 0 or unread < self._unread:
            self._unread_since = now
        self._unread = unread
        if unread and now - self._unread_since > UNREAD_SECONDS:
            self.transport.abort()
        elif self._asking and now - self.since > REQUEST_SECONDS and not self.transport.is_closing():
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Says no, where nothing was answered yet, and that nothing more is read; closes once the client has gone, or soon."""
        self._all.told[status] += 1
        self._all.open.discard(self)
        self._unset_keepalive_if_required()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_refusal(status))
        if self.transport.is_closing() or len(self._all.refused) >= MOST_REFUSED:
            self.transport.close()
            return
        self.since = self.loop.time()
        self._all.refused.add(self)
        self.flow.resume_reading()
        self.transport.write_eof()


def _refusal(status: int) -> bytes:
    body = orjson.dumps({"errors": [{"message": _SENTENCES[status]}]})
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "private, no-store",
        "Connection": "close",
    } | ({"Retry-After": str(RETRY_AFTER_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {})
    lines = (f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items()), "", "")
    return "\r\n".join(lines).encode() + body
