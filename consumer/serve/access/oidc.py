"""Signing in at the institution's identity provider: OpenID Connect's code flow, with PKCE, state and nonce, by Authlib."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import MismatchingStateError, OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import Request, Response
from joserfc.errors import ExpiredTokenError, JoseError

from consumer import log
from consumer.serve.access.refused import SignInRefused
from consumer.settings import Settings

CALLBACK = "/sign-in/callback"
_SECONDS = 10.0
"""For each request to the identity provider."""
_LEEWAY_SECONDS = 60
"""How far its clock may be off."""
_NOT_BEGUN = "This sign-in was not begun in this browser, or too long ago, or it is over already. Begin again."
_UNTRUSTED = "The identity provider's answer cannot be trusted, so nobody is signed in. Tell who runs this server."
_EXPIRED = "The identity provider's answer is too old, so nobody is signed in. Begin again."
_AWAY = "The identity provider cannot be reached now. Try again soon."


class IdentityProvider:
    """The one that settings name. What it says is believed where its key signed it, by the algorithm that is configured."""

    def __init__(self, settings: Settings) -> None:
        assert settings.oidc_issuer is not None
        assert settings.serve_url is not None
        assert settings.oidc_client_secret is not None
        self._settings = settings
        self.name = urlsplit(settings.oidc_issuer).hostname or settings.oidc_issuer
        self._redirect = settings.serve_url + CALLBACK
        self._app = OAuth().register(
            "provider",
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value(),
            server_metadata_url=settings.oidc_issuer.rstrip("/") + "/.well-known/openid-configuration",
            client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256", "timeout": _SECONDS},
        )

    async def begin(self, request: Request, kept: dict[str, Any]) -> Response:
        """Sends the browser there; `kept` is to come back with it. Raises `SignInRefused` where the provider is away."""
        request.scope["session"] = kept
        try:
            await self._load()
            answer: Response = await self._app.authorize_redirect(request, self._redirect)
        except (httpx2.HTTPError, ValueError) as error:
            raise _refused(error, _AWAY, 503) from error
        return answer

    async def claims(self, request: Request, kept: dict[str, Any]) -> Mapping[str, Any]:
        """What the provider says of who comes back. Raises `SignInRefused`."""
        request.scope["session"] = kept
        issuer, client = self._settings.oidc_issuer, self._settings.oidc_client_id
        trusted = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client}}
        try:
            await self._load()
            token = await self._app.authorize_access_token(request, claims_options=trusted, leeway=_LEEWAY_SECONDS)
        except MismatchingStateError as error:
            raise _refused(error, _NOT_BEGUN) from error
        except ExpiredTokenError as error:
            raise _refused(error, _EXPIRED) from error
        except httpx2.HTTPError as error:
            raise _refused(error, _AWAY, 503) from error
        except OAuthError as error:
            raise _refused(error, "The identity provider did not sign you in. Begin again.") from error
        except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:
            raise _refused(error, _UNTRUSTED) from error
        found: Mapping[str, Any] | None = token.get("userinfo") if "id_token" in token else None
        if found is None:
            raise _refused(ValueError("no id_token"), _UNTRUSTED)
        return found

    async def _load(self) -> None:
        """Whatever its own document says, one algorithm is believed."""
        metadata = await self._app.load_server_metadata()
        metadata["id_token_signing_alg_values_supported"] = [self._settings.oidc_algorithm]


def _refused(error: Exception, message: str, status: int = 403) -> SignInRefused:
    """Logs which error it was, without its message, which may quote what the provider sent."""
    log.get("serve").warning("sign_in_refused", error=type(error).__name__)
    return SignInRefused(message, status)
