"""Around all routes: the log of requests, normal forms of paths, and the door that a token opens."""

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
from consumer.serve.access.tokens import TokenLookup
from consumer.serve.refusals import database_error, error_response, internal_error

HEALTH = frozenset({"/livez", "/readyz"})
"""Paths that need no token; all others do."""
_FOR_BROWSERS = ("/docs", "/openapi.json", "/static-offline-docs")
"""A browser sends no bearer token by itself: here the token may be the password of HTTP Basic."""
_NO_TOKEN, _BAD_TOKEN = "user authorization required", "Invalid access token."
_TWO_TOKENS = "there are two Authorization headers"
_TOO_MANY_TOKENS = "too many wrong access tokens came from this address; ask again later, or with one that opens something"
_ENCODED = re.compile(rb"%(?:2[5ef]|5c|7f|[01][0-9a-f])", re.IGNORECASE)
"""An encoded percent sign, dot, slash, backslash or control character: a proxy may have read it in another way."""
_NO_ROUTE = "/no-route"
"""A path without a route."""
_MAX_LOGGED_PATH, _MAX_LOGGED_METHOD = 500, 20
"""Characters."""
_STRICT = (b"cache-control", b"private, no-store"), (b"x-content-type-options", b"nosniff")
"""Of all answers, errors too: they may be about people, and stay with the client that asked."""
_OWN_SCRIPTS = (
    b"content-security-policy",
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"frame-ancestors 'none'",
)
"""Of the documentation: nothing from other servers, and in no frame."""
_SLASHES_OF_A_HOST = 2


class AccessLog:
    """A line for each request: method, path, status, milliseconds. No query and no headers: they hold tokens and people.

    Outermost: every answer gets its headers, and no exception reaches the server, which would log variables with secrets.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, and writes the line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.monotonic(), 0  # 0: nothing was answered
        path = printable(scope["path"][:_MAX_LOGGED_PATH])

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_STRICT, *([_OWN_SCRIPTS] if path == "/docs" else ())]
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception as error:
            answer = await internal_error(Request(scope), error)
            if not status:
                await answer(scope, receive, send_noting)
        finally:
            milliseconds = round((time.monotonic() - begun) * 1000, 1)
            level = "debug" if path in HEALTH else "info"
            getattr(log.get("serve"), level)(
                "request", method=scope["method"][:_MAX_LOGGED_METHOD], path=path, status=status, milliseconds=milliseconds
            )


class PlainPaths:
    """Takes `.json` off the end of a path: Canvas' documents write `/api/v1/outcomes/1.json`, and it means the same.

    HEAD is answered as GET; the server leaves the body out. A client of a proxy may send the whole address as the path (RFC
    9112, 3.2.2). A path with an encoded slash has no route.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on under its plain path."""
        if scope["type"] == "http" and scope["path"].startswith(("http://", "https://")):
            scope["path"] = f"/{scope['path'].split('/', 3)[3]}" if scope["path"].count("/") > _SLASHES_OF_A_HOST else "/"
        if scope["type"] == "http" and scope["path"].startswith("/api/") and scope["path"].endswith(".json"):
            scope["path"] = scope["path"].removesuffix(".json")
        if scope["type"] == "http" and _ENCODED.search(scope.get("raw_path", b"")):
            scope["path"] = _NO_ROUTE
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


class Door:
    """Refuses any path without a token; puts the token's tenant into `request.state.tenant`."""

    def __init__(self, app: ASGIApp, lookup: TokenLookup) -> None:
        self._app = app
        self._lookup = lookup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or refuses it."""
        if scope["type"] != "http" or scope["path"] in HEALTH:
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(scope)
        await (self._app if refusal is None else refusal)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        for_browsers = scope["path"].startswith(_FOR_BROWSERS)
        realm = 'Basic realm="outcomes"' if for_browsers else 'Bearer realm="canvas-lms"'
        headers = {"WWW-Authenticate": realm}
        authorizations = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(authorizations) > 1:
            return error_response(400, _TWO_TOKENS)
        token = _token(authorizations[0].decode("latin-1"), basic=for_browsers) if authorizations else None
        if token is None:
            return error_response(401, _NO_TOKEN, word="unauthenticated", headers=headers)
        try:
            tenant = await self._lookup.tenant(token)
        except (Transient, Fatal) as error:
            return await database_error(Request(scope), error)
        if tenant is None:
            wait = self._lookup.count_wrong(scope["client"][0] if scope["client"] else "")
            if wait:
                return error_response(429, _TOO_MANY_TOKENS, headers={"Retry-After": str(wait)})
            return error_response(401, _BAD_TOKEN, headers=headers)
        scope.setdefault("state", {})["tenant"] = tenant
        return None


def _token(authorization: str, *, basic: bool) -> str | None:
    """The token of an Authorization header, or None. A token in the address does not count."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if basic and scheme.lower() == "basic":
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2] or None
    return None
