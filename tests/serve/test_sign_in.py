"""Signing in with a browser: who is let in, who is not, and what nobody else can make of it."""

import base64
import hmac
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from joserfc.jwk import ECKey, RSAKey

from consumer.rights import grants
from consumer.rights.grants import Grant
from consumer.serve.access import lookup, sign_in
from consumer.serve.access.sign_in import own_path
from consumer.serve.app import make_app, serving
from consumer.settings import Settings
from consumer.store.postgres import connect
from tests.acceptance.running import until
from tests.postgres.writing import write
from tests.samples import TENANT
from tests.serve import rights_school as school
from tests.serve.provider import CLIENT, SECRET, Claims, Provider, providing
from tests.serve.rights_school import TEACHER, uuid_of
from tests.serve.serving import token_for

HTML = {"Accept": "text/html,application/xhtml+xml"}
COURSE = "/api/v1/courses/7"


class Browser:
    """Somebody's browser: keeps cookies, and follows nothing by itself."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers=HTML)

    async def get(self, path: str, **headers: str) -> aiohttp.ClientResponse:
        """The answer, whole."""
        url = path if path.startswith("http") else self.base + path
        answer = await self.session.get(
            url, allow_redirects=False, headers={n.replace("_", "-"): v for n, v in headers.items()}
        )
        await answer.read()
        return answer

    async def post(self, path: str, **fields: str) -> aiohttp.ClientResponse:
        """Sends the form of a page, filled in."""
        page = await (await self.get(path)).text()
        found = re.search(r'name="form_token" value="(\w+)"', page)
        answer = await self.session.post(
            self.base + path, data={"form_token": found[1] if found else ""} | fields, allow_redirects=False
        )
        await answer.read()
        return answer

    async def sign_in(self, provider: Provider, to: str = "/") -> aiohttp.ClientResponse:
        """At the identity provider and back."""
        begun = await self.get(f"/sign-in/start?to={to}")
        assert begun.status == 302, await begun.text()
        return await self.get(provider.come_back(begun.headers["Location"]))

    @property
    def cookies(self) -> dict[str, str]:
        """Values by name."""
        return {cookie.key: cookie.value for cookie in self.session.cookie_jar}


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """Knows the teacher of course 7."""
    async with providing() as running:
        running.claims = {"preferred_username": f"LOGIN{TEACHER}@school"}
        yield running


@pytest.fixture
async def browser(database: str, provider: Provider, free_port: int) -> AsyncIterator[Browser]:
    """At a server over the school, where people sign in at the provider."""
    await school.fill(database)
    async with _browser_at(database, free_port, **_oidc(provider)) as made:
        yield made


def _oidc(provider: Provider) -> dict[str, Any]:
    return {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET, "oidc_uuid_claim": "canvas"}


@asynccontextmanager
async def _browser_at(dsn: str, port: int, **settings: Any) -> AsyncIterator[Browser]:
    url = f"http://127.0.0.1:{port}"
    told = Settings.model_validate({"serve_url": url, "sign_in_tenant": TENANT} | settings)
    async with serving(make_app(dsn, told), "127.0.0.1", port) as (base, _):
        made = Browser(base)
        try:
            yield made
        finally:
            await made.session.close()


async def _sessions(dsn: str) -> list[Any]:
    connection = await connect(dsn)
    try:
        return await connection.fetch("SELECT * FROM access_session ORDER BY id")
    finally:
        await connection.close()


async def _is_words(answer: aiohttp.ClientResponse, *words: str) -> bool:
    """Whether an answer is a page for people that says this, and no error of a program."""
    text = await answer.text()
    return (
        answer.content_type == "text/html" and "{" not in text and "Traceback" not in text and all(one in text for one in words)
    )


# -- at the identity provider --


async def test_a_teacher_signs_in_and_sees_their_course(browser: Browser, provider: Provider, database: str) -> None:
    """From the page that was asked for, by way of the provider, back to it; and no other course. Programs get no page."""
    sent = await browser.get("/nothing?a=1&b=2")
    assert (sent.status, sent.headers["Location"]) == (303, "/sign-in?to=%2Fnothing%3Fa%3D1%26b%3D2")
    page = await browser.get(sent.headers["Location"])
    assert await _is_words(page, "Sign in with 127.0.0.1", "/sign-in/start?to=%2Fnothing%3Fa%3D1%26b%3D2")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    refused = await browser.get(COURSE, Accept="application/json")
    assert (refused.status, refused.content_type) == (401, "application/json")
    back = await browser.sign_in(provider, "%2Fnothing%3Fa%3D1%26b%3D2")
    assert (back.status, back.headers["Location"]) == (303, "/nothing?a=1&b=2")
    cookie = next(
        one for one in back.headers.getall("Set-Cookie") if one.startswith("outcomes_session=ey") or "session=I" in one
    )
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert [(await browser.get(path)).status for path in (COURSE, "/api/v1/courses/8", "/api/v1/users/7101")] == [200, 404, 200]
    (session,) = await _sessions(database)
    assert (session["login"], session["token_id"]) == (f"login{TEACHER}@school", None)


async def test_who_has_no_right_has_no_session(browser: Browser, provider: Provider, database: str) -> None:
    """Neither a student, nor whom nobody knows, nor whose address the provider has not verified."""
    for claims in (
        {"preferred_username": "login7101@school"},
        {"preferred_username": "stranger"},
        {},
        {"preferred_username": 7},
    ):
        provider.claims = claims
        answer = await browser.sign_in(provider)
        assert answer.status == 403
        assert await _is_words(answer, "nothing here is yours to see yet")
    assert await _sessions(database) == []
    provider.claims = {"canvas": uuid_of(TEACHER)}
    assert (await browser.sign_in(provider)).status == 303


def test_a_claim_that_says_nothing_certain_is_none() -> None:
    """An address that the provider has not verified could be anybody's."""
    for told, login in ((True, "dean@school"), (False, None), ("true", None), (None, None)):
        assert sign_in._claim({"email": "dean@school", "email_verified": told}, "email") == login
    assert sign_in._claim({"email": "dean@school"}, "email") is None
    for wrong in ("", "x" * 256, "a\nb", 7, ["dean"], None):
        assert sign_in._claim({"login": wrong}, "login") is None


def _shifted(**by: int) -> Any:
    return lambda claims: claims | {name: claims[name] + seconds for name, seconds in by.items()}


def _without(name: str) -> Any:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def _with(**members: Any) -> Any:
    return lambda claims: claims | members


CHANGED: dict[str, Any] = {
    "another issuer": _with(iss="https://elsewhere.example"),
    "no issuer": _without("iss"),
    "another client's token": _with(aud="another"),
    "a token for several that was not issued to us": _with(aud=[CLIENT, "another"]),
    "another client's token that names us as the party": _with(aud="another", azp=CLIENT),
    "no audience": _without("aud"),
    "another nonce": _with(nonce="guessed"),
    "no nonce": _without("nonce"),
    "expired": _shifted(exp=-600, iat=-900),
    "no end": _without("exp"),
    "not valid yet": _with(nbf=2**33),
    "nobody": _without("sub"),
}
"""What is wrong with a token that the right key has signed."""


def _unsigned(claims: Claims, secret: bytes = b"", **header: str) -> str:
    def encoded(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    text = ".".join(encoded(json.dumps(part).encode()) for part in (header or {"alg": "none"}, claims))
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256')) if secret else ''}"


async def test_no_token_with_a_fault_gives_a_session(browser: Browser, provider: Provider, database: str) -> None:
    """Each is refused with a page in plain words: claims, signatures, and algorithms that are not the one configured."""
    stranger, same_name = RSAKey.generate_key(2048, {"kid": "other"}), RSAKey.generate_key(2048, {"kid": "first"})
    curve = ECKey.generate_key("P-256", {"kid": "curve"})
    public = provider.keys[0].as_pem(private=False)
    signed: dict[str, Any] = {
        "a key that the provider does not show": lambda claims: provider.signed(claims, stranger),
        "another key under a known name": lambda claims: provider.signed(claims, same_name),
        "no signature": _unsigned,
        "the public key as a secret": lambda claims: _unsigned(claims, alg="HS256", kid="first", secret=public),
        "another algorithm, by a key that is shown": lambda claims: provider.signed(claims, curve, alg="ES256"),
        "another algorithm of the same key": lambda claims: provider.signed(claims, provider.keys[-1], alg="RS512"),
        "a signature that was cut": lambda claims: provider.signed(claims, provider.keys[-1])[:-8],
        "no token at all": lambda claims: "",
    }
    provider.keys.insert(0, curve)
    for name, change in CHANGED.items():
        provider.change = change
        answer = await browser.sign_in(provider)
        assert answer.status == 403, name
        assert await _is_words(answer, "identity provider"), name
    provider.change = None
    for name, sign in signed.items():
        provider.sign = sign
        answer = await browser.sign_in(provider)
        assert answer.status == 403, name
        assert await _is_words(answer, "identity provider"), name
    assert await _sessions(database) == []
    assert "outcomes_session" not in browser.cookies
    provider.sign = None
    assert (await browser.sign_in(provider)).status == 303  # so that it was the faults


async def test_an_answer_that_this_browser_did_not_ask_for_is_refused(
    browser: Browser, provider: Provider, database: str
) -> None:
    """A state of another browser or none; an answer that comes twice, also where the cookie is kept; a code that was used."""
    begun = await browser.get("/sign-in/start")
    callback = provider.come_back(begun.headers["Location"])
    other = Browser(browser.base)
    for path in (callback, "/sign-in/callback", "/sign-in/callback?code=x&state=y"):
        assert (await other.get(path)).status == 403
        assert await _is_words(await other.get(path), "was not begun in this browser")
    assert (await browser.get(callback.replace("state=", "state=x"))).status == 403  # and with that it is over
    assert (await browser.get(callback)).status == 403
    begun = await browser.get("/sign-in/start")
    callback = provider.come_back(begun.headers["Location"])
    flow = browser.cookies["outcomes_flow"]
    assert (await browser.get(callback)).status == 303
    again = await other.get(callback, Cookie=f"outcomes_flow={flow}")
    assert again.status == 403
    assert await _is_words(again, "did not sign you in")
    assert (await other.get("/sign-in/callback?error=access_denied&state=x")).status == 403
    assert len(await _sessions(database)) == 1
    await other.session.close()


async def test_keys_change(browser: Browser, provider: Provider) -> None:
    """A token by a new key is believed as soon as the provider shows the key; one by a key that it shows no more is not."""
    assert (await browser.sign_in(provider)).status == 303
    old = provider.keys[0]
    provider.keys = [RSAKey.generate_key(2048, {"kid": "second"})]
    before = provider.fetched
    assert (await browser.sign_in(provider)).status == 303
    assert provider.fetched == before + 1
    provider.sign = lambda claims: provider.signed(claims, old)
    assert (await browser.sign_in(provider)).status == 403


async def test_a_provider_that_is_away_is_said(database: str, free_port: int) -> None:
    """In words, with 503: it is not the fault of who wants to sign in. Without one there is nothing to begin."""
    async with providing() as gone:
        settings = _oidc(gone)
    async with _browser_at(database, free_port, **settings) as browser:
        answer = await browser.get("/sign-in/start")
        assert answer.status == 503
        assert await _is_words(answer, "cannot be reached now")
    async with _browser_at(database, free_port) as browser:
        assert [(await browser.get(f"/sign-in/{path}")).status for path in ("start", "callback")] == [404, 404]
        assert "Sign in with" not in await (await browser.get("/sign-in")).text()


# -- with a token --


async def test_a_token_that_is_typed_into_the_form_signs_in(browser: Browser, database: str) -> None:
    """As long as the token opens something; a wrong one is said, and is counted."""
    token = await school.token_with(database, Grant("section", 71))
    wrong = await browser.post("/sign-in", token="outcomes_wrong", to="/docs")
    assert wrong.status == 401
    assert await _is_words(wrong, "opens nothing")
    signed = await browser.post("/sign-in", token=f" {token} ", to="/docs")
    assert (signed.status, signed.headers["Location"]) == (303, "/docs")
    assert (await browser.get(COURSE)).status == 200
    assert (await browser.get("/docs")).status == 200
    held = browser.cookies["outcomes_session"].split(".")[0]
    secret = json.loads(base64.urlsafe_b64decode(held + "=" * (-len(held) % 4)))
    assert secret.startswith("session_")
    assert (await browser.get(COURSE, Authorization=f"Bearer {secret}")).status == 401
    assert (await browser.post("/sign-in", token=secret)).status == 401
    connection = await connect(database)
    await connection.execute("UPDATE api_token SET revoked_at = now()")
    await connection.close()
    await until(lambda: _is_out(browser), lookup.REMEMBERED_SECONDS + 3)


async def _is_out(browser: Browser) -> bool:
    return (await browser.get(COURSE)).status == 401


async def test_a_session_ends(browser: Browser, provider: Provider, database: str) -> None:
    """By signing out, at once and also for who has copied the cookie; by its time; by an operator; with the person's rights."""
    await browser.sign_in(provider)
    kept = browser.cookies["outcomes_session"]
    out = await browser.post("/sign-out")
    assert (out.status, "outcomes_session" in browser.cookies) == (200, False)
    assert await _is_words(out, "You are signed out")
    assert "<form" not in await out.text()  # one made for the session that has ended would not open anything
    assert (await browser.get(COURSE, Cookie=f"outcomes_session={kept}")).status == 401
    connection = await connect(database)
    gone = school.teaches(70110, TEACHER, 71, limited=False, minute=9, workflow_state="completed")
    for ending in (connection.execute("UPDATE access_session SET expires_at = now()"), write(connection, gone)):
        assert (await browser.sign_in(provider)).status == 303
        assert (await browser.get(COURSE)).status == 200
        await ending
        await until(lambda: _is_out(browser), lookup.REMEMBERED_SECONDS + 3)
        sent = await browser.get("/somewhere")
        assert (sent.status, sent.headers["Location"]) == (303, "/sign-in?to=%2Fsomewhere")
    await grants.grant(connection, TENANT, "login", f"login{TEACHER}@school", Grant("course", 8))
    await browser.sign_in(provider)
    assert await grants.end_sessions(connection, TENANT, "login", f"LOGIN{TEACHER}@school") == 1
    await connection.close()
    await until(lambda: _is_out(browser), lookup.REMEMBERED_SECONDS + 3)


async def test_a_session_cannot_be_given_to_somebody(browser: Browser, provider: Provider, database: str) -> None:
    """Each sign-in has a new secret, and ends the session that was there; a cookie that was not signed here is none."""
    await browser.sign_in(provider)
    first = browser.cookies["outcomes_session"]
    await browser.sign_in(provider)
    assert browser.cookies["outcomes_session"] != first
    assert [row["ended_at"] is None for row in await _sessions(database)] == [False, True]
    token = await token_for(database, TENANT)
    for forged in (first, token, f"{token}.x.y", browser.cookies["outcomes_session"][:-2] + "xx", ""):
        other = Browser(browser.base)
        assert (await other.get(COURSE, Cookie=f"outcomes_session={forged}")).status == 401
        await other.session.close()
    rows = json.dumps([dict(row) for row in await _sessions(database)], default=str)
    assert browser.cookies["outcomes_session"].split(".")[0] not in rows


ELSEWHERE = (
    *("https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "evil", "\\\\evil"),
    *("/ /x", "/sign-in", "/sign-out?a=1", "", "javascript:alert(1)"),
)


@pytest.mark.parametrize("path", ELSEWHERE)
def test_nobody_is_sent_to_another_server(path: str) -> None:
    """After signing in: a path that is not this server's is the first page."""
    assert own_path(path) == "/"
    assert own_path("/courses/7/gradebook?at=2025-03-01#top") == "/courses/7/gradebook?at=2025-03-01#top"


async def test_another_site_signs_nobody_in_or_out(browser: Browser, provider: Provider, database: str) -> None:
    """A form that this server did not give to this browser, in this session, changes nothing."""
    token = await token_for(database, TENANT)
    stranger = Browser(browser.base)
    theirs = re.search(r'value="(\w+)"', await (await stranger.get("/sign-in")).text())
    assert theirs is not None
    for form_token in ("", theirs[1]):
        answer = await browser.session.post(f"{browser.base}/sign-in", data={"form_token": form_token, "token": token})
        assert answer.status == 403
        assert await _is_words(answer, "not one that this server gave to this browser")
    await browser.sign_in(provider)
    for form_token in ("", theirs[1]):
        answer = await browser.session.post(f"{browser.base}/sign-out", data={"form_token": form_token})
        assert answer.status == 403
    assert (await browser.get(COURSE)).status == 200
    await stranger.session.close()


async def test_a_session_writes_only_with_the_token_of_a_form(browser: Browser, database: str) -> None:
    """What a program sends with a token of its own needs none."""
    token = await token_for(database, TENANT)
    await browser.post("/sign-in", token=token)
    page = await (await browser.get("/sign-out")).text()
    form_token = re.search(r'name="form_token" value="(\w+)"', page)
    assert form_token is not None
    for headers, status in (
        ({}, 403),
        ({"X-Form-Token": "guessed"}, 403),
        ({"X-Form-Token": form_token[1]}, 405),
        ({"Authorization": f"Bearer {token}"}, 405),
    ):
        answer = await browser.session.put(f"{browser.base}/api/v1/outcomes/1", headers=headers)
        assert answer.status == status, headers


# -- by a proxy --


async def test_a_proxy_says_who_somebody_is_and_nobody_else_does(database: str, free_port: int) -> None:
    """Its address is that of the connection: what a client says of addresses does not count."""
    await school.fill(database)
    told = {"X_Forwarded_User": f"Login{TEACHER}@school"}
    async with _browser_at(
        database, free_port, proxy_login_header="X-Forwarded-User", proxy_addresses="127.0.0.0/8"
    ) as browser:
        assert (await browser.get(COURSE, **told)).status == 200
        assert (await browser.get("/api/v1/courses/8", **told)).status == 404
        assert (await browser.get(COURSE, X_Forwarded_User="login7101@school")).status == 403
        assert (await browser.get(COURSE)).status == 401
    async with _browser_at(database, free_port, proxy_login_header="X-Forwarded-User", proxy_addresses="10.0.0.7") as browser:
        refused = await browser.get(COURSE, **told, X_Forwarded_For="10.0.0.7")
        assert (refused.status, "does not come from it" in await refused.text()) == (403, True)
        token = await token_for(database, TENANT)
        assert (await browser.get(COURSE, Authorization=f"Bearer {token}")).status == 200


async def test_over_tls_cookies_are_of_this_host_alone(database: str, free_port: int) -> None:
    """No other host of the domain can set them, and none goes over plain HTTP."""
    async with _browser_at(database, free_port, serve_url="https://outcomes.example.edu") as browser:
        answer = await browser.get("/sign-in")
        (cookie,) = answer.headers.getall("Set-Cookie")
        assert cookie.startswith("__Host-outcomes_form=")
        assert "Secure" in cookie
        assert "Domain" not in cookie
