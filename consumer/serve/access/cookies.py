"""What a browser keeps: the session, a sign-in that is under way, and what proves that a form is ours."""

import hmac
import secrets
from hashlib import sha256
from typing import Any

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

SESSION = "session_"
"""What the secret of a session begins with, so that none is taken for a token."""
FLOW_SECONDS = 600
"""How long somebody may take at the identity provider."""
_FORM_DAYS = 1


class Cookies:
    """Signed, out of scripts' reach (HttpOnly), and not sent along by other sites but for links (SameSite=Lax)."""

    def __init__(self, key: str, *, secure: bool, session_seconds: int) -> None:
        self._key = key.encode()
        self._secure = secure
        self._session_seconds = session_seconds
        prefix = "__Host-" if secure else ""  # browsers let no other host of the domain set it
        self._session_name = f"{prefix}outcomes_session"
        self._flow_name = f"{prefix}outcomes_flow"
        self._form_name = f"{prefix}outcomes_form"

    def session(self, request: Request) -> str | None:
        """The secret of a session; None where there is none, or its signature is wrong or old."""
        secret = self._read(request, self._session_name, "session", self._session_seconds)
        return secret if isinstance(secret, str) and secret.startswith(SESSION) else None

    def set_session(self, response: Response, secret: str) -> None:
        """For as long as a session lasts."""
        self._set(response, self._session_name, self._serializer("session").dumps(secret), self._session_seconds)

    def flow(self, request: Request) -> dict[str, Any]:
        """What `set_flow` kept; empty where that is too long ago, or another browser's."""
        kept = self._read(request, self._flow_name, "flow", FLOW_SECONDS)
        return kept if isinstance(kept, dict) else {}

    def set_flow(self, response: Response, kept: dict[str, Any]) -> None:
        """Keeps state, nonce and verifier until the identity provider sends the browser back."""
        self._set(response, self._flow_name, self._serializer("flow").dumps(kept), FLOW_SECONDS)

    def clear(self, response: Response, *, session: bool = True) -> None:
        """Takes away what is over."""
        for name in (self._flow_name, *((self._session_name,) if session else ())):
            response.delete_cookie(name, path="/", secure=self._secure, httponly=True, samesite="lax")

    # -- forms --

    def form_token(self, request: Request) -> tuple[str, str]:
        """What a form of this browser carries, and the value of the cookie that it is made of."""
        value = request.cookies.get(self._form_name) or secrets.token_urlsafe(16)
        return self._form_token(request, value), value

    def set_form(self, response: Response, value: str) -> None:
        """Keeps what form tokens are made of."""
        self._set(response, self._form_name, value, _FORM_DAYS * 86_400)

    def is_own_form(self, request: Request, token: str) -> bool:
        """Whether this server gave the form to this browser, in this session."""
        value = request.cookies.get(self._form_name)
        return value is not None and hmac.compare_digest(token.encode(), self._form_token(request, value).encode())

    def _form_token(self, request: Request, value: str) -> str:
        made_of = f"{value} {request.cookies.get(self._session_name, '')}"
        return hmac.new(self._key, made_of.encode(), sha256).hexdigest()

    # -- what all share --

    def _serializer(self, purpose: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._key, salt=purpose, signer_kwargs={"digest_method": sha256})

    def _read(self, request: Request, name: str, purpose: str, seconds: int) -> Any:
        try:
            return self._serializer(purpose).loads(request.cookies.get(name, ""), max_age=seconds)
        except BadSignature:
            return None

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax")
