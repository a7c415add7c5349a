"""An identity provider of the tests' own: discovery, keys that change, codes for one use, and tokens with any fault."""

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "outcomes", "a secret of the client"
Claims = dict[str, Any]


@dataclass
class Provider:
    """What it says of people, and how it signs."""

    issuer: str = ""
    algorithm: str = "RS256"
    claims: Claims = field(default_factory=lambda: {"preferred_username": "nobody"})
    keys: list[Any] = field(default_factory=lambda: [RSAKey.generate_key(2048, {"kid": "first"})])
    """The newest signs; all are shown."""
    change: Callable[[Claims], Claims] | None = None
    """Of each token before it is signed."""
    sign: Callable[[Claims], str] | None = None
    """In place of signing with the newest key."""
    refuses_codes: bool = True
    """That were used already."""
    fetched: int = 0
    """How often keys were fetched."""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def come_back(self, location: str) -> str:
        """Where a browser is sent that has signed in: the address of the answer to what `location` asks."""
        asked = dict(parse_qsl(urlsplit(location).query))
        assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (CLIENT, "code", "S256")
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    async def discovery(self, _: web.Request) -> web.Response:
        """Its own document. It offers whatever algorithm there is."""
        paths = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        document = {name: f"{self.issuer}/{path}" for name, path in paths.items()}
        offered = {"id_token_signing_alg_values_supported": ["RS256", "HS256", "ES256", "none"]}
        return web.json_response({"issuer": self.issuer} | document | offered)

    async def jwks(self, _: web.Request) -> web.Response:
        """Its public keys."""
        self.fetched += 1
        return web.json_response(KeySet(self.keys).as_dict(private=False))

    async def token(self, request: web.Request) -> web.Response:
        """For a code, a secret and a verifier that belong together."""
        sent = dict(await request.post())
        asked = self._codes.get(str(sent["code"]), {})
        proved = create_s256_code_challenge(str(sent.get("code_verifier", ""))) == asked.get("code_challenge")
        if not proved or (self.refuses_codes and sent["code"] in self._used):
            return web.json_response({"error": "invalid_grant"}, status=400)
        self._used.add(str(sent["code"]))
        now = int(time.time())
        basic = {"iss": self.issuer, "sub": "1", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = (self.change or dict)(basic | self.claims)
        told = self.sign(claims) if self.sign else self.signed(claims, self.keys[-1])
        return web.json_response({"access_token": "opaque", "token_type": "Bearer", "id_token": told})

    def signed(self, claims: Claims, key: Any, **header: Any) -> str:
        """By a key, under its own name or another one."""
        algorithm = header.pop("alg", self.algorithm)
        named = {"alg": algorithm, "kid": key.kid or self.keys[-1].kid} | header
        return jwt.encode(named, claims, key, algorithms=[algorithm])


@asynccontextmanager
async def providing() -> AsyncIterator[Provider]:
    """Serves while the block runs."""
    provider = Provider()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", provider.discovery)
    app.router.add_get("/jwks", provider.jwks)
    app.router.add_post("/token", provider.token)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()
