"""Signing in and out with a browser: at the identity provider, or with a token that is typed into a form."""

import re
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from consumer.errors import Fatal, Transient
from consumer.rights.grants import plain_login
from consumer.rights.tokens import digest
from consumer.rights.viewer import Viewer
from consumer.serve.access.cookies import SESSION, Cookies
from consumer.serve.access.log import AccessLog
from consumer.serve.access.lookup import Lookup
from consumer.serve.access.refused import SignInRefused, page, refused_page
from consumer.serve.read_pool import AccessPool
from consumer.serve.sql import sql
from consumer.settings import Settings
from schemas.base import MAX_KEY_TEXT

if TYPE_CHECKING:
    from consumer.serve.access.oidc import IdentityProvider


class _SignInRoute(APIRoute):
    """A route that answers people: what is wrong is a page in plain words, and a sign-in that failed is over."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own, with pages for errors."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except SignInRefused as error:
                refused = refused_page(str(error), error.status)
            except (Transient, Fatal):
                refused = refused_page(_AWAY, 503)
            _access(request).cookies.clear(refused, session=False)
            return refused

        return answer


router = APIRouter(include_in_schema=False, route_class=_SignInRoute)
PATHS = frozenset({"/sign-in", "/sign-in/start", "/sign-in/callback", "/sign-out"})
"""Open to everybody."""
HOME = "/"
SEE_OTHER = 303
_OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
"""A path of this server. A browser reads `//host` and `/\\host` as another server, and skips blanks and controls."""
_ELSEWHERE = "This form is not one that this server gave to this browser, or it is too old. Open the page again."
_AWAY = "The database cannot be asked now. Try again soon."
_NO_RIGHT = "You have signed in, and nothing here is yours to see yet. Ask who runs this server for a right."


@dataclass(frozen=True, slots=True)
class Access:
    """Everything that decides who is let in."""

    settings: Settings
    lookup: Lookup
    pool: AccessPool
    cookies: Cookies
    log: AccessLog
    provider: "IdentityProvider | None"

    @classmethod
    def of(cls, dsn: str, settings: Settings, lookup: Lookup) -> "Access":
        """As settings say. A server without a key of its own signs with a new one."""
        key = settings.sign_in_key.get_secret_value() if settings.sign_in_key else secrets.token_urlsafe(32)
        secure = (settings.serve_url or "").startswith("https:")
        cookies = Cookies(key, secure=secure, session_seconds=settings.sign_in_minutes * 60)
        pool = AccessPool(dsn)
        provider = None
        if settings.oidc_issuer is not None:
            from consumer.serve.access.oidc import IdentityProvider  # noqa: PLC0415 - loads two libraries that few servers need

            provider = IdentityProvider(settings)
        return cls(settings, lookup, pool, cookies, AccessLog(pool, settings.access_log_days), provider)

    async def person(self, login: str | None, sis: str | None, uuid: str | None) -> Viewer | None:
        """What a person of the institution may see; None: nothing."""
        return Viewer.of(await self.pool.fetch(sql("rights_of_person"), self.settings.sign_in_tenant, login, sis, uuid))

    async def begin(self, request: Request, to: str, tenant: str, *whose: Any) -> Response:
        """A session under a new secret: what the browser had before is over. `whose`: token, login, SIS id, uuid."""
        await self.end(request)
        secret = SESSION + secrets.token_urlsafe(32)
        seconds = self.settings.sign_in_minutes * 60
        await self.pool.fetch(sql("session_begin"), tenant, digest(secret), *whose, float(seconds))
        answer = RedirectResponse(to, SEE_OTHER)
        self.cookies.clear(answer, session=False)
        self.cookies.set_session(answer, secret)
        return answer

    async def end(self, request: Request) -> None:
        """Ends the session of the browser, where it has one."""
        if (secret := self.cookies.session(request)) is not None:
            await self.pool.fetch(sql("session_end"), digest(secret))
            self.lookup.forget(secret)


def own_path(text: str | None) -> str:
    """Where to go after signing in: a path of this server, else the first page. No other server, and not back to here."""
    path = text or HOME
    return path if _OWN_PATH.fullmatch(path) and path.partition("?")[0] not in PATHS else HOME


def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form that this server gave to this browser. Raises `SignInRefused`."""
    try:
        fields = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10))
    except (ValueError, ClientDisconnect):
        raise SignInRefused(_ELSEWHERE) from None
    if not _access(request).cookies.is_own_form(request, fields.get("form_token", "")):
        raise SignInRefused(_ELSEWHERE)
    return fields


def _with_form(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    cookies = _access(request).cookies
    token, value = cookies.form_token(request)
    answer = page(template, status, form_token=token, **values)
    cookies.set_form(answer, value)
    return answer


def _sign_in_page(request: Request, to: str, said: str | None = None, status: int = 200) -> Response:
    provider = _access(request).provider
    return _with_form(request, "sign_in.html", status, to=to, said=said, provider=provider and provider.name)


@router.get("/sign-in")
async def sign_in_page(request: Request) -> Response:
    """The ways to sign in."""
    return _sign_in_page(request, own_path(request.query_params.get("to")))


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """With a token that was typed into the form."""
    access = _access(request)
    fields = await _form(request)
    to, token = own_path(fields.get("to")), fields.get("token", "").strip()
    viewer = await access.lookup.viewer(token) if token and not token.startswith(SESSION) else None
    if viewer is None:
        wait = access.lookup.count_wrong(request.client.host if request.client else "")
        if wait:
            raise SignInRefused(f"Too many wrong tokens came from your address. Try again in {wait} seconds.", 429)
        return _sign_in_page(request, to, "This token opens nothing.", 401)
    return await access.begin(request, to, viewer.tenant, int(viewer.who), None, None, None)


@router.get("/sign-in/start")
async def start(request: Request) -> Response:
    """To the identity provider."""
    access = _access(request)
    if access.provider is None:
        raise SignInRefused("No identity provider is set up here.", 404)
    kept: dict[str, Any] = {"to": own_path(request.query_params.get("to"))}
    answer = await access.provider.begin(request, kept)
    access.cookies.set_flow(answer, kept)
    return answer


@router.get("/sign-in/callback")
async def callback(request: Request) -> Response:
    """Back from there."""
    access = _access(request)
    if access.provider is None:
        raise SignInRefused("No identity provider is set up here.", 404)
    kept = access.cookies.flow(request)
    to = own_path(kept.pop("to", None))
    claims = await access.provider.claims(request, kept)
    settings = access.settings
    assert settings.sign_in_tenant is not None
    login, sis, uuid = (
        _claim(claims, name) for name in (settings.oidc_login_claim, settings.oidc_sis_claim, settings.oidc_uuid_claim)
    )
    whose = login and plain_login(login), sis, uuid
    if not any(whose) or await access.person(*whose) is None:
        raise SignInRefused(_NO_RIGHT)
    return await access.begin(request, to, settings.sign_in_tenant, None, *whose)


def _claim(claims: Mapping[str, Any], name: str | None) -> str | None:
    """A text that a claim holds. An address that the provider has not verified could be anybody's."""
    value = claims.get(name) if name else None
    if name == "email" and claims.get("email_verified") is not True:
        return None
    return value if isinstance(value, str) and 0 < len(value) <= MAX_KEY_TEXT and value.isprintable() else None


@router.get("/sign-out")
async def sign_out_page(request: Request) -> Response:
    """A button: signing out changes something, so it is no link."""
    return _with_form(request, "sign_out.html")


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Ends the session."""
    access = _access(request)
    await _form(request)
    await access.end(request)
    answer = page("refused.html", heading="Signed out", message="You are signed out.")
    access.cookies.clear(answer)
    return answer
