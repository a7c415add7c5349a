"""OAuth tokens for Kafka."""

import time

from aiokafka.abc import AbstractTokenProvider

from consumer.errors import Fatal, Transient
from consumer.settings import Settings

_REQUEST_SECONDS = 10.0
_EMPTY_ANSWER = "the token endpoint's answer holds no token: check OUTCOMES_KAFKA_OAUTH_TOKEN_URL"


class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """OAuth 2.0 client credentials (RFC 6749, 4.4): requests a token, and a new one shortly before it expires."""

    _EARLY_SECONDS = 60.0

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._token = ""
        self._until = 0.0

    async def token(self) -> str:
        """The bearer token for the next connection."""
        if time.monotonic() >= self._until:
            self._token, seconds = await self._request()
            self._until = time.monotonic() + max(0.0, seconds - self._EARLY_SECONDS)
        return self._token

    async def _request(self) -> tuple[str, float]:
        import aiohttp  # noqa: PLC0415 - slows every command's start by a tenth

        settings = self._settings
        secret = settings.kafka_oauth_client_secret
        login, password = settings.kafka_oauth_client_id or "", secret.get_secret_value() if secret else ""
        headers = {"Authorization": aiohttp.encode_basic_auth(login, password)}
        form = {"grant_type": "client_credentials"}
        if settings.kafka_oauth_scope:
            form["scope"] = settings.kafka_oauth_scope
        timeout = aiohttp.ClientTimeout(total=_REQUEST_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(settings.kafka_oauth_token_url or "", data=form, headers=headers) as response,
            ):
                if response.status in (400, 401, 403):
                    raise Fatal(f"the token endpoint refuses the client ({response.status}): check OUTCOMES_KAFKA_OAUTH_*")
                response.raise_for_status()
                answer = await response.json()
                return str(answer["access_token"]), float(answer.get("expires_in", 300))
        except aiohttp.ContentTypeError as error:
            raise Fatal(_EMPTY_ANSWER) from error
        except aiohttp.ClientError as error:
            raise Transient(f"the token endpoint does not answer: {type(error).__name__}") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:  # not JSON, not an object, or no such member
            raise Fatal(_EMPTY_ANSWER) from error
