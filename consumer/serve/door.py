"""Around all routes: the log of requests, the paths as they are meant, and the door that a token opens."""

import base64
import binascii
import contextlib
import re
import time

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consumer import log
from consumer.errors import Fatal, Transient
from consumer.printable import printable
from consumer.serve.access.tokens import Doorkeeper
from consumer.serve.refusals import broken, says, trouble

HEALTH = frozenset({"/livez", "/readyz"})
"""Answered without a token; nothing else is."""
_FOR_BROWSERS = ("/docs", "/openapi.json", "/static-offline-docs")
"""A browser cannot send a bearer token by itself: here the token may be the password of HTTP Basic."""
_NO_TOKEN, _BAD_TOKEN = "user authorization required", "Invalid access token."
_TWO_TOKENS = "there are two Authorization headers"
_TOO_MANY_TOKENS = "too many wrong access tokens came from this address; ask again later, or with one that opens something"
_HIDDEN = re.compile(rb"%(?:2[5ef]|5c|7f|[01][0-9a-f])", re.IGNORECASE)
"""Encoded: a percent sign, dot, slash, backslash or control character. Whoever is between may have read them in another way."""
_NOWHERE = "/"
"""A path of no route."""
_MOST_OF_A_PATH, _MOST_OF_A_METHOD = 500, 20
"""Characters of them in the log."""
_STRICT = (b"cache-control", b"private, no-store"), (b"x-content-type-options", b"nosniff")
"""What is told about people stays with who asked, refusals too."""
_OWN_SCRIPTS = (
    b"content-security-policy",
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"frame-ancestors 'none'",
)
"""Of the documentation: nothing from other servers, and in nobody's frame."""
_SLASHES_OF_A_HOST = 2


class AccessLog:
    """A line for each request: method, path, status, milliseconds. No query, no headers: tokens and people are in those.

    Outermost, so that every answer has the headers that keep it with who asked.

    No mistake of ours gets past it: the server would log it with all variables on the way, tokens and bodies among them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, and writes the line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.monotonic(), 0  # nothing was answered
        path = printable(scope["path"][:_MOST_OF_A_PATH])

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_STRICT, *([_OWN_SCRIPTS] if path == "/docs" else ())]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            answer = await broken(Request(scope), error)
            if not status:
                await answer(scope, receive, noting)
        finally:
            milliseconds = round((time.monotonic() - begun) * 1000, 1)
            level = "debug" if path in HEALTH else "info"
            getattr(log.get("serve"), level)(
                "request", method=scope["method"][:_MOST_OF_A_METHOD], path=path, status=status, milliseconds=milliseconds
            )


class PlainPaths:
    """Takes `.json` off the end of a path: the documents write `/api/v1/outcomes/1.json`, and it means the same.

    HEAD is answered as GET; the server leaves the body out. Who asks by a proxy may name the whole address (RFC 9112, 3.2.2).
    An encoded slash is none: what hides one leads nowhere.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands on what is meant."""
        if scope["type"] == "http" and scope["path"].startswith(("http://", "https://")):
            scope["path"] = f"/{scope['path'].split('/', 3)[3]}" if scope["path"].count("/") > _SLASHES_OF_A_HOST else "/"
        if scope["type"] == "http" and scope["path"].startswith("/api/") and scope["path"].endswith(".json"):
            scope["path"] = scope["path"].removesuffix(".json")
        if scope["type"] == "http" and _HIDDEN.search(scope.get("raw_path", b"")):
            scope["path"] = _NOWHERE
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


class Door:
    """Lets nobody in without a token, whatever the path; whose it is stands in `request.state.tenant`."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper) -> None:
        self._app = app
        self._doorkeeper = doorkeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands on, or refuses."""
        if scope["type"] != "http" or scope["path"] in HEALTH:
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(scope)
        await (self._app if refusal is None else refusal)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        for_browsers = scope["path"].startswith(_FOR_BROWSERS)
        realm = 'Basic realm="outcomes"' if for_browsers else 'Bearer realm="canvas-lms"'
        headers = {"WWW-Authenticate": realm}
        told = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(told) > 1:
            return says(400, _TWO_TOKENS)
        token = _token(told[0].decode("latin-1"), basic=for_browsers) if told else None
        if token is None:
            return says(401, _NO_TOKEN, word="unauthenticated", headers=headers)
        try:
            tenant = await self._doorkeeper.tenant(token)
        except (Transient, Fatal) as error:
            return await trouble(Request(scope), error)
        if tenant is None:
            wait = self._doorkeeper.wrong_from(scope["client"][0] if scope["client"] else "")
            if wait:
                return says(429, _TOO_MANY_TOKENS, headers={"Retry-After": str(wait)})
            return says(401, _BAD_TOKEN, headers=headers)
        scope.setdefault("state", {})["tenant"] = tenant
        return None


def _token(authorization: str, *, basic: bool) -> str | None:
    """The token of an Authorization header; None where there is none that can be read. One in the address is none at all."""
    scheme, _, told = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return told.strip() or None
    if basic and scheme.lower() == "basic":
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            return base64.b64decode(told.strip(), validate=True).decode().partition(":")[2] or None
    return None
