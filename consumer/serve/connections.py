"""A server's connections: limits of number, time and size, and one meaning for each request. On uvicorn's protocol.

uvicorn has no limit of time for headers and bodies, keeps clients that never read, and beyond its limit of connections
answers only whole requests.
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
"""Connections, or half of the files that the process may open. Beyond that the server closes the one that has waited longest
for a request; where none waits, it answers the new one with 503."""
MOST_REFUSED = 100
"""Refused connections that stay open for a moment, so that their clients can read the refusal."""
HEAD_BYTES = 64 * 1024
"""Of a request's line and headers: enough for all ids that a filter may name."""
REQUEST_SECONDS = 20.0
"""From the first byte of a request (or the connection) to the last."""
UNREAD_SECONDS = 30.0
"""How long a client may read nothing of its answer."""
LINGER_SECONDS = 2.0
"""A refused client that still sends would lose the refusal if the connection closed at once."""
RETRY_AFTER_SECONDS = 5
"""When to ask again while connections are short, or the database is away."""

_HOST = re.compile(rb"\nhost:[ \t]*(\[[0-9a-f:.]+\]|[a-z0-9._~-]+)(:[0-9]{1,5})?[ \t]*\r?\n")
_BUSY = "too many connections are open; ask again soon"
_MESSAGES = {
    400: "the request is not valid HTTP, or may be read in two ways",
    408: "the request did not come in time",
    413: f"the body has more than {MAX_BYTES} bytes",
    431: f"the request line and the headers have more than {HEAD_BYTES} bytes",
    501: "of transfer encodings only chunked is known",
    503: _BUSY,
}


class _StrictParser(h11.Connection):
    """Refuses a request that a proxy may read in another way, or that is too large."""

    error: h11.RemoteProtocolError | None = None
    _body_bytes = 0

    def next_event(self) -> Any:
        """As h11's, which accepts folded headers, a length beside chunks, and a whole head of any size."""
        head = self.trailing_data[0] if self.their_state is h11.IDLE else b""
        try:
            event = super().next_event()
            if type(event) is h11.Request:
                self._body_bytes = 0
                self._check_head(event, head[: len(head) - len(self.trailing_data[0])])
            elif type(event) is h11.Data:
                self._body_bytes += len(event.data)
                if self._body_bytes > MAX_BYTES:
                    raise h11.RemoteProtocolError("body", 413)
        except h11.RemoteProtocolError as error:
            self.error = error
            raise
        return event

    def _check_head(self, request: h11.Request, head: bytes) -> None:
        """Looks at the bytes, which is faster than at h11's headers: most requests have neither a length nor chunks."""
        if len(head) > HEAD_BYTES:
            raise h11.RemoteProtocolError("head", 431)
        head = head.lower()
        if b"\n " in head or b"\n\t" in head or (b"\nhost:" in head and _HOST.search(head) is None):
            raise h11.RemoteProtocolError("folded headers, or an invalid host", 400)
        if b"\ncontent-length:" in head or b"\ntransfer-encoding:" in head:
            headers = dict(request.headers)
            length = headers.get(b"content-length")
            if b"transfer-encoding" in headers and (length is not None or request.http_version < b"1.1"):
                raise h11.RemoteProtocolError("framing", 400)
            if length is not None and int(length) > MAX_BYTES:
                raise h11.RemoteProtocolError("length", 413)


class Connections:
    """All connections of a server."""

    def __init__(self) -> None:
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.most = MOST_OPEN if files == resource.RLIM_INFINITY else min(MOST_OPEN, files // 2)
        self.refused: set[Connection] = set()
        self.refusal_counts: Counter[int] = Counter()
        """By status, since the last log line."""
        self.open: set[Connection] = set()

    def new(self, *args: Any, **kwargs: Any) -> "Connection":
        """Called by uvicorn for each connection."""
        return Connection(self, *args, **kwargs)

    def close_slow(self) -> None:
        """Closes connections that take too long, and logs refusals. Called each second."""
        for connection in (*self.open, *self.refused):
            connection.close_if_slow()
        if self.refusal_counts:
            log.get("serve").info("refused", statuses=dict(self.refusal_counts))
            self.refusal_counts.clear()

    def longest_waiting(self) -> "Connection | None":
        """The open connection that has gone longest without a whole request."""
        waiting = (connection for connection in self.open if connection.is_waiting)
        return min(waiting, key=lambda connection: connection.since, default=None)

    def close(self) -> None:
        """Closes all that are left when the server has stopped."""
        for connection in (*self.open, *self.refused):
            connection.transport.abort()


class Connection(H11Protocol):
    """One connection of a client."""

    def __init__(self, server: Connections, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn: _StrictParser = _StrictParser(h11.SERVER, HEAD_BYTES)
        self._server = server
        self.since = 0.0
        """When the connection, or the last request, began or was answered."""
        self._request_pending = True
        """A request has begun, or none has come yet: its time runs from `since`."""
        self._unread, self._unread_since = 0, 0.0

    @property
    def is_waiting(self) -> bool:
        """Nothing is being answered: the next request has not come, or not whole."""
        return self.cycle is None or self.cycle.response_complete or self._request_pending

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Makes room for it, or refuses it."""
        super().connection_made(transport)
        self.since = self.loop.time()
        if len(self._server.open) >= self._server.most:
            idle = self._server.longest_waiting()
            if idle is None:
                self._refuse(503)
                return
            idle.make_room()
        self._server.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets it."""
        self._server.open.discard(self)
        self._server.refused.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on, unless the client was refused."""
        if self not in self._server.open:
            return
        if not self._request_pending and self.is_waiting:
            self.since, self._request_pending = self.loop.time(), True
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._request_pending = False

    def on_response_complete(self) -> None:
        """Waits for the next request."""
        if not self._request_pending:
            self.since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the answer has our message
        """Called by uvicorn for a request that is not HTTP."""
        error = self.conn.error
        self._refuse(error.error_status_hint if error is not None else 400)

    def _should_upgrade(self) -> bool:
        """Never, and without uvicorn's two log lines for each request to upgrade."""
        return False

    def shutdown(self) -> None:
        """Called by uvicorn when the server stops."""
        if self in self._server.open:
            super().shutdown()
        else:
            self.transport.close()

    def make_room(self) -> None:
        """Closes a waiting connection. A client that had an answer before expects that it may be closed at any time."""
        if self.cycle is None or self._request_pending:
            self._refuse(503)
        else:
            self._server.open.discard(self)
            self.transport.close()

    def close_if_slow(self) -> None:
        """Closes it where it takes too long."""
        now = self.loop.time()
        if self in self._server.refused:
            if now - self.since > LINGER_SECONDS:
                self.transport.abort()
            return
        unread = self.transport.get_write_buffer_size()
        if unread == 0 or unread < self._unread:
            self._unread_since = now
        self._unread = unread
        if unread and now - self._unread_since > UNREAD_SECONDS:
            self.transport.abort()
        elif self._request_pending and now - self.since > REQUEST_SECONDS and not self.transport.is_closing():
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Sends the refusal, where no answer has begun. Closes when the client does, or after `LINGER_SECONDS`."""
        self._server.refusal_counts[status] += 1
        self._server.open.discard(self)
        self._unset_keepalive_if_required()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_refusal(status))
        if self.transport.is_closing() or len(self._server.refused) >= MOST_REFUSED:
            self.transport.close()
            return
        self.since = self.loop.time()
        self._server.refused.add(self)
        self.flow.resume_reading()
        self.transport.write_eof()


def _refusal(status: int) -> bytes:
    body = orjson.dumps({"errors": [{"message": _MESSAGES[status]}]})
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "private, no-store",
        "Connection": "close",
    } | ({"Retry-After": str(RETRY_AFTER_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {})
    lines = (f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items()), "", "")
    return "\r\n".join(lines).encode() + body
