"""An intake's connections, on uvicorn's protocol, which has no limit of number, of time, and of the size of a head."""

import asyncio
import resource

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_OPEN = 256
"""Connections, or half of the files that the process may open. Canvas comes through a proxy, which needs fewer."""
HEAD_BYTES = 32 * 1024
"""Of a request's line and headers."""
HEAD_SECONDS = 10.0
"""From the first byte of a request (or the connection) to the end of its head."""
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
_MOST_OPEN = MOST_OPEN if _FILES == resource.RLIM_INFINITY else min(MOST_OPEN, _FILES // 2)


class Connection(HttpToolsProtocol):
    """One connection of a client."""

    _head_bytes: int | None = 0
    """Received of a head that is not whole; None once it is."""
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Takes it, or refuses it."""
        super().connection_made(transport)
        if len(self.connections) > _MOST_OPEN:
            transport.write(_BUSY)
            transport.close()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets it."""
        self._head_is_whole()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on, within the limit of a head."""
        if self.transport.is_closing():
            return
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes is not None and self._head_bytes > HEAD_BYTES:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """Called by the parser."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._head_is_whole()
        super().on_headers_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing is upgraded; the log says nothing about it."""

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_bytes = 0
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _head_is_whole(self) -> None:
        self._head_bytes = None
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        self.transport.abort()
