"""`/livez`, `/readyz` and `/metrics` of the HTTPS intake, as a worker has them. Not by aiohttp, which takes 17 MB."""

from typing import Any

from consumer.intake.metrics import IntakeMetrics
from consumer.worker.outages import Health

_TEXT = b"text/plain; version=0.0.4; charset=utf-8"


class Probes:
    """The ASGI application."""

    def __init__(self, health: Health, metrics: IntakeMetrics) -> None:
        self._health = health
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 - a body is not read
        """Answers one request."""
        status, body = self._answer(scope["path"])
        headers = [(b"content-type", _TEXT), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str) -> tuple[int, bytes]:
        waiting_for = self._health.waiting_for
        if path == "/livez":
            return (200, b"ok\n") if self._health.alive() else (503, b"the loops stand still\n")
        if path == "/readyz":
            return (200, b"ok\n") if waiting_for is None else (503, f"waiting for {waiting_for}\n".encode())
        if path == "/metrics":
            return 200, self._metrics.render(ready=waiting_for is None)
        return 404, b"there are /livez, /readyz and /metrics\n"
