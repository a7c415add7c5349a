"""Around all routes: the log of requests, normal forms of paths, and the door that a token opens."""

import base64
import binascii
import contextlib
import ipaddress
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consumer import log
from consumer.errors import Fatal, Transient
from consumer.printable import printable
from consumer.rights.grants import plain_login
from consumer.rights.viewer import Viewer
from consumer.serve.access.cookies import SESSION
from consumer.serve.access.refused import is_browser, refusal
from consumer.serve.access.sign_in import PATHS, SEE_OTHER, Access
from consumer.serve.refusals import RETRY, database_error, error_response, internal_error

HEALTH = frozenset({"/livez", "/readyz"})
"""Paths that need no token; all others do."""
_FOR_BROWSERS = ("/docs", "/openapi.json", "/static-offline-docs")
"""A browser sends no bearer token by itself: here the token may be the password of HTTP Basic."""
_NO_TOKEN, _BAD_TOKEN = "user authorization required", "Invalid access token."
_TWO_TOKENS = "there are two Authorization headers"
_TOO_MANY_TOKENS = "too many wrong access tokens came from this address; ask again later, or with one that opens something"
_NO_RIGHT = "nothing here is yours to see yet; ask who runs this server for a right"
_NOT_THE_PROXY = "only the proxy may say who somebody is, and this request does not come from it"
_TWO_LOGINS = "the proxy names two people"
_NOT_LOGGED = "looks at students cannot be logged now, so nothing is shown; ask again soon"
_READING = ("GET", "HEAD", "OPTIONS")
_MAY_NOT_WRITE = "only who may see the whole tenant may write"
_NOT_OUR_FORM = "a browser's session writes only with the token of a form of this server"
FORM_HEADER = "X-Form-Token"
_FILES = "/static/"
"""What pages load; it holds no data."""
_NOT_SHOWN = 400
"""From this status on an answer shows nothing."""
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


class RequestLog:
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
        scope.setdefault("state", {})["peer"] = scope["client"][0] if scope["client"] else None

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
    """Refuses any path to whoever has no right. Puts who asks into `request.state.viewer`, and looks into the log."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access
        self._proxies = [ipaddress.ip_network(one, strict=False) for one in access.settings.proxy_addresses]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or refuses it."""
        if scope["type"] != "http" or scope["path"] in HEALTH or scope["path"] in PATHS or scope["path"].startswith(_FILES):
            await self._app(scope, receive, send)
            return
        try:
            found = await self._viewer(scope)
        except (Transient, Fatal) as error:
            found = await database_error(Request(scope), error)
        if isinstance(found, Response):
            await found(scope, receive, send)
            return
        scope.setdefault("state", {})["viewer"] = found

        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < _NOT_SHOWN:
                self._access.log.look(scope, found)
            await send(message)

        await self._app(scope, receive, send_noting)

    async def _viewer(self, scope: Scope) -> Viewer | Response:
        """Who asks, or the refusal: by a token, by what the proxy tells, by the session of a browser, in this order."""
        if self._access.log.is_full:
            return refusal(scope, 503, _NOT_LOGGED, headers=RETRY)
        authorizations = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(authorizations) > 1:
            return refusal(scope, 400, _TWO_TOKENS)
        basic = scope["path"].startswith(_FOR_BROWSERS)
        token = _token(authorizations[0].decode("latin-1"), basic=basic) if authorizations else None
        found = await self._by_token(scope, token) if token is not None else await self._by_browser(scope)
        if isinstance(found, Viewer) and (refused := self._writes_without_right(scope, found)):
            return refused
        return found

    async def _by_token(self, scope: Scope, token: str) -> Viewer | Response:
        viewer = None if token.startswith(SESSION) else await self._access.lookup.viewer(token)
        if viewer is not None:
            return viewer
        wait = self._access.lookup.count_wrong(scope["client"][0] if scope["client"] else "")
        if wait:
            return refusal(scope, 429, _TOO_MANY_TOKENS, headers={"Retry-After": str(wait)})
        return refusal(scope, 401, _BAD_TOKEN, headers=_realm(scope))

    async def _by_browser(self, scope: Scope) -> Viewer | Response:
        header = self._access.settings.proxy_login_header
        logins = [value for name, value in scope["headers"] if header and name == header.lower().encode()]
        if logins:
            return await self._by_proxy(scope, logins)
        secret = self._access.cookies.session(Request(scope))
        viewer = await self._access.lookup.viewer(secret) if secret is not None else None
        if viewer is not None:
            return replace(viewer, by_cookie=True)
        if is_browser(scope) and not scope["path"].startswith(_FOR_BROWSERS):
            query = scope["query_string"].decode("latin-1")
            to = scope["path"] + (f"?{query}" if query else "")
            return RedirectResponse(f"/sign-in?{urlencode({'to': to})}", SEE_OTHER)
        return error_response(401, _NO_TOKEN, word="unauthenticated", headers=_realm(scope))

    async def _by_proxy(self, scope: Scope, logins: list[bytes]) -> Viewer | Response:
        """Only the proxy itself may say who somebody is: the address is that of the connection, whatever headers say."""
        peer = scope.get("state", {}).get("peer")
        if not _is_among(peer, self._proxies):
            return refusal(scope, 403, _NOT_THE_PROXY)
        if len(logins) > 1:
            return refusal(scope, 400, _TWO_LOGINS)
        login = logins[0].decode("utf-8", "replace").strip()
        viewer = await self._access.person(plain_login(login), None, None) if login and login.isprintable() else None
        return refusal(scope, 403, _NO_RIGHT) if viewer is None else replace(viewer, by_cookie=True)

    def _writes_without_right(self, scope: Scope, viewer: Viewer) -> Response | None:
        """A browser adds its cookie to what other sites send too: such a write also needs a token of a form of ours."""
        if scope["method"] in _READING:
            return None
        if not viewer.sees_all:
            return error_response(403, _MAY_NOT_WRITE)
        request = Request(scope)
        if viewer.by_cookie and not self._access.cookies.is_own_form(request, request.headers.get(FORM_HEADER, "")):
            return error_response(403, _NOT_OUR_FORM)
        return None


def _is_among(peer: str | None, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        address = ipaddress.ip_address(peer or "")
    except ValueError:
        return False
    plain = getattr(address, "ipv4_mapped", None) or address
    return any(plain in network for network in networks)


def _realm(scope: Scope) -> dict[str, str]:
    basic = scope["path"].startswith(_FOR_BROWSERS)
    return {"WWW-Authenticate": 'Basic realm="outcomes"' if basic else 'Bearer realm="canvas-lms"'}


def _token(authorization: str, *, basic: bool) -> str | None:
    """The token of an Authorization header, or None. A token in the address does not count."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if basic and scheme.lower() == "basic":
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2] or None
    return None
