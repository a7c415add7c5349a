"""Settings from the environment, with the prefix `OUTCOMES_`; two also answer to the name that other tools use.

More than 400 lines, because all settings are in one place, each with what it means.
"""

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from consumer.cores import usable_cores
from consumer.printable import has_controls

PREFIX = "OUTCOMES_"
USUAL_NAMES = {"database_url": "DATABASE_URL", "kafka_bootstrap_servers": "KAFKA_BOOTSTRAP_SERVERS"}
"""Settings that also answer to the name that other tools use."""

DAY = 86_400
"""Seconds; no wait is longer, and no timer of Postgres, Kafka or the loop runs over."""
CENTURY = 36_525 * DAY

People = Literal["off", "ids", "names"]
"""How much is stored about people."""

_ADDRESS = re.compile(
    r"(?:\[[0-9a-fA-F:.]+\]|[^\s:\[\]/]+)(?::(?P<port>[0-9]{1,5}))?|(?:[0-9a-fA-F]*:){2,}[0-9a-fA-F.]*", re.ASCII
)
"""`host`, `host:port`, `[IPv6]`, `[IPv6]:port`, or an IPv6 address alone."""
_QUEUE = re.compile(r"(?:https?://[^\s/?#@]+(?:/[\w-]+)*/)?[\w-]{1,80}(?:\.fifo)?", re.ASCII)
"""The name of an SQS queue, or its URL."""


_TOGETHER = {
    "oidc_issuer": ("oidc_client_id", "oidc_client_secret", "serve_url", "sign_in_tenant"),
    "oidc_client_id": ("oidc_issuer",),
    "proxy_login_header": ("proxy_addresses", "sign_in_tenant"),
    "proxy_addresses": ("proxy_login_header",),
}
"""Settings that mean something only beside others."""


def _over_tls(address: str) -> SplitResult | None:
    """Its parts, where it is by https or on this machine."""
    try:
        url = urlsplit(address)
        local = url.scheme == "http" and url.hostname in ("localhost", "127.0.0.1", "::1")
    except ValueError:
        return None
    return url if url.hostname and (url.scheme == "https" or local) else None


class Settings(BaseModel):
    """Everything an operator can decide. Each name in capitals behind `OUTCOMES_`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    database_url: SecretStr | None = None
    """Address of the database: `postgresql://user:password@host:5432/database`. Without it, commands use an embedded
    Postgres (extra `embedded`)."""

    data_folder: Path = Path(".outcomes")
    """Folder for the data of the embedded Postgres, and for the spool of `outcomes intake https`."""

    kafka_bootstrap_servers: str = "localhost:9092"
    """Addresses of the brokers, separated by commas."""

    topic: tuple[str, ...] = ("canvas-live-events",)
    """Topics to consume, separated by commas."""

    group_id: str = "outcomes"
    """Kafka consumer group. Workers of one group share the partitions."""

    group_instance_id: str | None = None
    """Name of this worker for static group membership; each worker needs its own. A worker that restarts under the same
    name within the session timeout keeps its partitions."""

    processes: int = Field(default=1, ge=1, le=256)
    """How many processes `outcomes worker` runs, each a worker of the group; `auto`: one for each core that it may use. One
    more looks after them and answers `/livez`, `/readyz` and `/metrics` for all. Each adds its number to
    `OUTCOMES_GROUP_INSTANCE_ID`: `-1`, `-2` and so on."""

    batch_size: int = Field(default=8_000, ge=1, le=1_000_000)
    """Most events in one transaction."""

    batch_bytes: int = Field(default=32 * 1024 * 1024, ge=1024, le=2**31 - 1)
    """Most bytes of records in one transaction."""

    batch_seconds: float = Field(default=0.05, ge=0, le=60)
    """How long a batch that is not full waits for more records. When the topic has no more, the batch is written at once."""

    start: Literal["earliest", "latest"] = "earliest"
    """Where a worker starts to read a topic that this database has never read."""

    on_gap: Literal["stop", "continue"] = "stop"
    """What a worker does when Kafka has deleted the records that it needs next. `stop`: it ends and says what to do.
    `continue`: it records the gap in `stream_gap` and reads on."""

    default_tenant: str | None = Field(default=None, min_length=1, max_length=255)
    """Tenant of events that have no `root_account_uuid`. Without this setting such events go to quarantine."""

    people: People = "ids"
    """What is stored about people. `off`: nothing about users, enrolments and submissions; their events are ignored and counted
    by name. `ids`: who is enrolled where, and which user id is which uuid, without names. `names`: also names, logins and SIS
    ids, in `person_name`, for members of the role `outcomes_people`. With `ids` or `off`, each command that writes empties
    `person_name` when it starts, and a worker every minute: give all processes the same setting."""

    erased_list: Path | None = None
    """File with the list of all who were erased, kept apart from the database. `erase` writes it. `migrate` brings a database
    that was restored from an older backup in line with it. A secret: it holds the key of its digests."""

    max_record_bytes: int = Field(default=4 * 1024 * 1024, ge=1024, le=512 * 1024 * 1024)
    """A larger record goes to quarantine without being parsed."""

    max_future_seconds: int = Field(default=DAY, ge=0, le=CENTURY)
    """An event goes to quarantine when its `event_time` is further than this ahead of the worker's clock."""

    drain_seconds: float = Field(default=20, ge=0, le=DAY)
    """How long a stopping worker may take to write what it has read."""

    statement_seconds: float = Field(default=60, gt=0, le=DAY)
    """A statement that takes longer is cancelled, and its batch is tried again."""

    watchdog_seconds: float = Field(default=60, gt=0, le=DAY)
    """When a partition has unread records and delivers none for this long, the worker recreates its Kafka client."""

    http_host: str = "0.0.0.0"  # noqa: S104 - probes and scrapers come from outside the container
    """Address of a worker or an intake, for `/livez`, `/readyz` and `/metrics`."""

    http_port: int = Field(default=8080, ge=0, le=65535)
    """Port of a worker or an intake, for `/livez`, `/readyz` and `/metrics`; 0 switches them off. Give each its own.
    While it is not set, a worker that finds 8080 taken uses a free port; an intake ends."""

    log_format: Literal["auto", "json", "console"] = "auto"
    """`console` is for people, `json` for machines. `auto` is `console` on a terminal and `json` elsewhere."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How the client connects: with or without TLS, with or without SASL. Kafka's own names."""

    kafka_ssl_cafile: Path | None = None
    """PEM file with the certificate authority that signed the brokers' certificates. Without it, the system's authorities
    count."""

    kafka_ssl_certfile: Path | None = None
    """PEM file with the client's certificate."""

    kafka_ssl_keyfile: Path | None = None
    """PEM file with the key of the client's certificate."""

    kafka_ssl_password: SecretStr | None = None
    """Password of the key file."""

    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = "PLAIN"
    """How the client logs in when the security protocol has SASL. Kafka's own names."""

    kafka_sasl_username: str | None = None
    """User name for PLAIN and SCRAM."""

    kafka_sasl_password: SecretStr | None = None
    """Password for PLAIN and SCRAM."""

    kafka_oauth_token_url: str | None = None
    """OAUTHBEARER: address that issues tokens for client credentials (OpenID Connect)."""

    kafka_oauth_client_id: str | None = None
    """OAUTHBEARER: id of the client."""

    kafka_oauth_client_secret: SecretStr | None = None
    """OAUTHBEARER: secret of the client."""

    kafka_oauth_scope: str | None = None
    """OAUTHBEARER: scope to request."""

    kafka_session_timeout_seconds: float = Field(default=45, ge=1, le=DAY)
    """The broker takes the partitions from a worker that it has not heard from for this long."""

    kafka_fetch_bytes: int = Field(default=1024 * 1024, ge=1024, le=2**31 - 1)
    """Most bytes to fetch from one partition at a time. Multiplied by the number of partitions, it limits the unread data in
    memory."""

    canvas_url: str | None = None
    """Address of the Canvas whose REST API `backfill` and `reconcile` ask: `https://school.instructure.com`."""

    canvas_token: SecretStr | None = None
    """Access token of a Canvas user who may see accounts, outcomes and grades."""

    canvas_seconds: float = Field(default=30, gt=0, le=DAY)
    """A request to Canvas that takes longer is cancelled and tried again."""

    serve_host: str = "127.0.0.1"
    """Address of the server, `outcomes serve`. The default accepts connections from this machine only."""

    serve_port: int = Field(default=8000, ge=0, le=65535)
    """Port of the server, `outcomes serve`; 0 picks a free one."""

    serve_url: str | None = None
    """Address at which browsers find `outcomes serve`, such as `https://outcomes.example.edu`. Cookies then need TLS."""

    sign_in_tenant: str | None = Field(default=None, min_length=1, max_length=255)
    """Tenant whose people the identity provider, or the proxy, knows. What these say shows nothing of another tenant."""

    sign_in_minutes: int = Field(default=240, ge=1, le=1_440)
    """How long a session of a browser lasts; then the person signs in again."""

    sign_in_key: SecretStr | None = Field(default=None, min_length=32, max_length=200)
    """Signs cookies. Without it each server makes a key when it starts: a restart signs everybody out."""

    oidc_issuer: str | None = None
    """Issuer of the identity provider (OpenID Connect), where people sign in: the `issuer` of its discovery document."""

    oidc_client_id: str | None = None
    """Id of the client there. Its redirect address is `OUTCOMES_SERVE_URL` and `/sign-in/callback`."""

    oidc_client_secret: SecretStr | None = None
    """Secret of that client."""

    oidc_algorithm: Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"] = "RS256"
    """How the identity provider signs. Another signature is not believed, whatever it says of itself."""

    oidc_login_claim: str | None = "preferred_username"
    """Claim of the ID token that holds the person's login in Canvas; empty for none."""

    oidc_sis_claim: str | None = None
    """Claim that holds the person's SIS id."""

    oidc_uuid_claim: str | None = None
    """Claim that holds the uuid of the person's user in Canvas; needed where `OUTCOMES_PEOPLE` is not `names`."""

    proxy_login_header: str | None = None
    """Header in which a proxy that has signed people in tells the login, such as `X-Forwarded-User`."""

    proxy_addresses: tuple[str, ...] = ()
    """Addresses or networks of that proxy, separated by commas. A request from elsewhere that has the header is refused."""

    access_log_days: int = Field(default=365, ge=1, le=36_525)
    """How long the access log keeps who looked at students."""

    intake_host: str = "127.0.0.1"
    """Address of `outcomes intake https`. The default accepts connections from this machine only: from a proxy with TLS."""

    intake_port: int = Field(default=8100, ge=0, le=65535)
    """Port of `outcomes intake https`; 0 picks a free one."""

    intake_secret: SecretStr | None = Field(default=None, min_length=16, max_length=200)
    """Set it where the subscription in Canvas does not sign its events: who delivers to `/events/SECRET`, or to `/events` with
    the header `X-Outcomes-Secret`, may deliver. Without it only events that Canvas has signed are taken."""

    intake_jwks_url: str = "https://8axpcl50e4.execute-api.us-east-1.amazonaws.com/main/jwks"
    """Address of the public keys that Canvas signs with. The default is Instructure's, for all regions."""

    intake_issuer: str = "https://live-events.canvas.instructure.com"
    """Who must have issued a signed event (`iss`). The default is Instructure's."""

    intake_spool_bytes: int = Field(default=1024**3, ge=0, le=2**40)
    """Most bytes of events that `outcomes intake https` keeps on disk, in the data folder, while the topic is away; 0 for no
    spool."""

    intake_queue: tuple[str, ...] = ()
    """Queues that `outcomes intake sqs` takes events from, by name or URL, separated by commas."""

    intake_hidden_seconds: int = Field(default=60, ge=3, le=43_200)
    """How long messages of a killed `outcomes intake sqs` stay hidden from others (SQS' visibility timeout)."""

    intake_drop_personal: bool = True
    """Whether an intake drops what tells who made a request and from where: login, ids of the user, address, URL and others
    in an event's metadata. With `false` they are published as Canvas wrote them; the projection never stores them."""

    @field_validator("topic", "intake_queue", "proxy_addresses", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @field_validator("oidc_login_claim", mode="before")
    @classmethod
    def _none_where_empty(cls, value: Any) -> Any:
        return value or None

    @field_validator("serve_url", "oidc_issuer")
    @classmethod
    def _with_tls(cls, value: str | None) -> str | None:
        """Who signs in elsewhere than on this machine does so over TLS."""
        if value is None:
            return None
        url = _over_tls(value)
        if url is None or url.query or url.fragment or url.username:
            raise ValueError("is no address of a server; one is https://host")
        return value

    @field_validator("serve_url")
    @classmethod
    def _without_path(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).path not in ("", "/"):
            raise ValueError("has a path; the server's pages begin at /")
        return value and value.rstrip("/")

    @field_validator("proxy_addresses")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            ipaddress.ip_network(one, strict=False)  # its error names the address
        return value

    @field_validator("processes", mode="before")
    @classmethod
    def _of_the_machine(cls, value: Any) -> Any:
        return min(256, usable_cores()) if value == "auto" else value

    @field_validator("topic")
    @classmethod
    def _not_empty(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one topic is needed")
        return value

    @field_validator("default_tenant")
    @classmethod
    def _shown_whole(cls, value: str | None) -> str | None:
        if value is not None and has_controls(value):
            raise ValueError("holds control characters, which no tenant has")
        return value

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for address in value.split(","):
            found = _ADDRESS.fullmatch(address.strip())
            if found is None or not 0 < int(found["port"] or 9092) < 65536:
                raise ValueError(
                    f"{address.strip() or 'nothing'} is no address; one is host:port, several are separated by commas"
                )
        return value

    @field_validator("canvas_url")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        """Without `/` or `/api/v1` at its end, which people copy along. What is refused is not shown: it may hold a secret."""
        if value is None:
            return None
        wrong = ValueError("is no address of a Canvas; one is https://host, without user, password, question mark and #")
        try:
            url = urlsplit(value)
            url.port  # noqa: B018 - it raises
        except ValueError:
            raise wrong from None
        strange = url.username is not None or "?" in value or "#" in value or re.search(r"[\s\\]", value) or has_controls(value)
        if url.scheme not in ("http", "https") or not url.hostname or strange:
            raise wrong
        return value.rstrip("/").removesuffix("/api/v1").rstrip("/")

    @field_validator("intake_secret")
    @classmethod
    def _in_a_path(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[A-Za-z0-9._~-]+", value.get_secret_value()):
            raise ValueError("holds other characters than letters, digits and .-_~, which an address can hold as they are")
        return value

    @field_validator("intake_queue")
    @classmethod
    def _queues(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if all(map(_QUEUE.fullmatch, value)):
            return value
        raise ValueError("holds what is neither the name of a queue nor its URL, https://host/account/name")

    @field_validator("intake_jwks_url")
    @classmethod
    def _trusted(cls, value: str) -> str:
        """Keys from an address without TLS would be anybody's."""
        url = _over_tls(value)
        if url is None:
            raise ValueError("is no address of keys; one is https://host/path")
        return value

    @field_validator("canvas_token")
    @classmethod
    def _sendable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[!-~]+", value.get_secret_value()):
            raise ValueError("holds characters that no token has")
        return value

    @model_validator(mode="after")
    def _complete(self) -> "Settings":
        if self.kafka_security_protocol.startswith("SASL"):
            names = (
                ("kafka_oauth_token_url", "kafka_oauth_client_id", "kafka_oauth_client_secret")
                if self.kafka_sasl_mechanism == "OAUTHBEARER"
                else ("kafka_sasl_username", "kafka_sasl_password")
            )
            if missing := [name for name in names if getattr(self, name) is None]:
                raise ValueError(f"{self.kafka_sasl_mechanism} also needs {', '.join(f'{PREFIX}{n.upper()}' for n in missing)}")
        for name, needed in _TOGETHER.items():
            if getattr(self, name) and (missing := [one for one in needed if not getattr(self, one)]):
                raise ValueError(f"{PREFIX}{name.upper()} also needs {', '.join(f'{PREFIX}{n.upper()}' for n in missing)}")
        if self.oidc_issuer and not (self.oidc_login_claim or self.oidc_sis_claim or self.oidc_uuid_claim):
            raise ValueError(
                f"{PREFIX}OIDC_LOGIN_CLAIM, {PREFIX}OIDC_SIS_CLAIM or {PREFIX}OIDC_UUID_CLAIM says who somebody is"
            )
        return self

    @property
    def max_future(self) -> timedelta:
        """`max_future_seconds` as a distance."""
        return timedelta(seconds=self.max_future_seconds)
