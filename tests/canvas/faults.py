"""Faults between Canvas and its client."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

Fault = Literal[
    "throttle",  # 403 with Canvas' text; this and the next three can have `headers`
    "429",
    "500",
    "503",
    "break",  # the connection breaks inside the body
    "cut",  # half of the JSON, as a complete answer
    "slow",  # the answer comes after `seconds`, else after `slow_seconds`
    "html",
    "shape",  # the first object has wrong members
    "forbidden",  # 403: a missing permission
    "forbidden401",  # the same of an older Canvas
    "rejected",  # 400
    "missing",  # 404
    "elsewhere",  # a redirect; to `Location`
    "next",  # a next page; at `Target`
    "circle",  # the next page is this one
    "garbage",  # not HTTP
]


@dataclass
class Planned:
    """A planned fault."""

    kind: Fault
    path: re.Pattern[str]
    times: int
    headers: dict[str, str]


@dataclass
class Asked:
    """A received request."""

    path: str
    raw_path: str
    """With its query, still escaped."""
    url: str
    headers: dict[str, str] = field(repr=False)


@dataclass
class Faulty:
    """A server that records its requests, and fails as planned."""

    remaining: float = 600.0
    """The bucket, in the headers."""
    date: str | None = None
    """The time, in the headers; None: the real one."""
    slow_seconds: float = 2.0
    """Duration of the fault `slow`."""
    asked: list[Asked] = field(default_factory=list)
    """Every request, in order."""
    planned: list[Planned] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0
    """Most requests at the same time."""
    _hurry: asyncio.Event = field(init=False, repr=False, compare=False)
    """Set when nobody waits for slow answers anymore."""

    def fail(self, kind: Fault, *, times: int = 1, path: str = "", **headers: str) -> None:
        """The next `times` requests with `path` (a regular expression) in path or query fail, with these headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.planned.append(Planned(kind, re.compile(path), times, named))

    def requests(self, path: str = "") -> list[Asked]:
        """Those whose path has `path` (a regular expression) in it."""
        return [asked for asked in self.asked if re.search(path, asked.path)]

    @property
    def _bucket(self) -> dict[str, str]:
        headers = {"X-Rate-Limit-Remaining": str(self.remaining), "X-Request-Cost": "0.25"}
        return headers if self.date is None else headers | {"Date": self.date}

    @web.middleware
    async def _counted(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await asyncio.sleep(0)  # lets simultaneous requests meet
            return await handler(request)
        finally:
            self.running -= 1

    @web.middleware
    async def _going_wrong(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.asked.append(Asked(request.path, request.raw_path, str(request.url), dict(request.headers)))
        plan = next(
            (
                plan
                for plan in self.planned
                if plan.times and (plan.path.search(request.path) or plan.path.search(request.path_qs))
            ),
            None,
        )
        if plan is None:
            return await handler(request)
        plan.times -= 1
        match plan.kind:
            case "throttle":
                headers = {"X-Rate-Limit-Remaining": "0.0"} | plan.headers
                return web.Response(status=403, text="403 Forbidden (Rate Limit Exceeded)\n", headers=headers)
            case "429" | "500" | "503":
                return web.json_response({"errors": [{"message": "later"}]}, status=int(plan.kind), headers=plan.headers)
            case "forbidden" | "forbidden401":
                said = {"status": "unauthorized", "errors": [{"message": "user not authorized to perform that action"}]}
                return web.json_response(said, status=401 if plan.kind == "forbidden401" else 403)
            case "rejected":
                return web.json_response({"errors": [{"message": "student_id is required"}]}, status=400)
            case "missing":
                return web.json_response({"errors": [{"message": "The specified resource does not exist."}]}, status=404)
            case "garbage":
                assert request.transport is not None
                request.transport.write(b"HTTP/1.1 200 OK\r\nno header at all\r\n\r\n")
                request.transport.close()
                return web.Response()
            case "html":
                return web.Response(text="<html>Log in</html>", content_type="text/html")
            case "slow":
                await asyncio.wait(
                    [asyncio.ensure_future(self._hurry.wait())], timeout=float(plan.headers.get("seconds", self.slow_seconds))
                )
                return await handler(request)
            case "elsewhere":
                return web.Response(status=302, headers=plan.headers)
            case "next" | "circle":
                response = await handler(request)
                target = plan.headers["Target"] if plan.kind == "next" else str(request.url)
                response.headers["Link"] = f'<{target}>; rel="next"'
                return response
            case "shape":
                response = await handler(request)
                assert isinstance(response, web.Response)
                return web.json_response(_misshapen(json.loads(response.text or "")), headers=self._bucket)
            case "break" | "cut":
                response = await handler(request)
                assert isinstance(response, web.Response)
                return await self._half(request, response, whole=plan.kind == "cut")

    async def _half(self, request: web.Request, answer: web.Response, *, whole: bool) -> web.StreamResponse:
        """Half of the answer; `whole`: as a complete one, else the connection breaks."""
        assert isinstance(answer.body, bytes)
        half = answer.body[: len(answer.body) // 2]
        if whole:
            return web.Response(body=half, content_type="application/json")
        broken = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(answer.body))})
        await broken.prepare(request)
        await broken.write(half)
        assert request.transport is not None
        request.transport.close()
        return broken


def _misshapen(value: Any) -> Any:
    """The same, with secrets in place of the first object's members."""
    if isinstance(value, list):
        return [_misshapen(value[0]), *value[1:]] if value else {"secret": "content"}
    if isinstance(value, dict):
        name = next((name for name in ("outcome_results", "rollups", "ratings") if name in value), None)
        if name is not None:
            return value | {name: _misshapen(value[name])}
        return {member: {"secret": "content"} for member in value}
    return value
