"""What all Kafka clients have in common: addresses, security, and what their errors mean to us."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from difflib import get_close_matches
from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    InvalidSessionTimeoutError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedCodecError,
    UnsupportedSaslMechanismError,
    UnsupportedVersionError,
)
from aiokafka.helpers import create_ssl_context
from aiokafka.protocol.metadata import MetadataRequest

from consumer.errors import Fatal, OutcomesError, Transient
from consumer.settings import Settings
from consumer.sources.kafka_oauth import ClientCredentials

REQUEST_SECONDS = 10.0
"""Longest wait for one answer of a broker."""

NEAR_NAMES = 3
"""Most names of topics that are suggested for a missing one."""
COMPARED_NAMES = 2_000
"""Most names of topics that a missing one is compared with."""

_FATAL = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
_OTHER_VERSION = (IncompatibleBrokerVersion, NotImplementedError, UnsupportedVersionError)
"""aiokafka's errors if it shares no version of a request with a broker."""


class OffsetOutOfRange(OutcomesError):
    """Kafka does not have the next record of some partition: deleted, or the topic was created again."""


def translated(error: BaseException) -> OutcomesError | None:
    """Our error for one of Kafka's or the network's; None for any other."""
    if isinstance(error, OutcomesError):
        return error
    if isinstance(error, (TopicAuthorizationFailedError, GroupAuthorizationFailedError)) and error.args:
        return forbidden("topic" if isinstance(error, TopicAuthorizationFailedError) else "consumer group", error.args[0])
    if isinstance(error, _FATAL):
        return Fatal(f"Kafka refuses us ({type(error).__name__}): check user, password and permissions")
    if isinstance(error, UnsupportedCodecError):
        return Fatal(f"a topic has records in a compression that we cannot read: {error.args[0] if error.args else error}")
    if isinstance(error, _OTHER_VERSION):
        return Fatal(f"these brokers are too old or too new for this worker: {error}")
    if error.__cause__ is not None and isinstance(meaning := translated(error.__cause__), Fatal):
        return meaning  # aiokafka's tasks wrap their errors
    if isinstance(error, InvalidSessionTimeoutError):
        return Fatal(
            "the brokers refuse this OUTCOMES_KAFKA_SESSION_TIMEOUT_SECONDS: set it between their "
            "group.min.session.timeout.ms and group.max.session.timeout.ms"
        )
    if isinstance(error, MessageSizeTooLargeError):
        return Fatal("a message is larger than its topic's max.message.bytes (MessageSizeTooLargeError)")
    if isinstance(error, OffsetOutOfRangeError):
        return OffsetOutOfRange("an offset is out of range")
    if isinstance(error, KafkaError):
        return Transient(f"Kafka: {error}")
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return Transient("Kafka does not answer in time")
    if isinstance(error, OSError):
        return Transient(f"connection to Kafka: {error.strerror or error or type(error).__name__}")
    return None


def forbidden(what: str, names: object) -> Fatal:
    """The error for topics or groups that our user may not read."""
    shown = ", ".join(sorted(map(str, names))) if isinstance(names, (set, frozenset, list, tuple)) else str(names)
    return Fatal(f"Kafka refuses us the {what} {shown}: give this worker's user the permission to READ and DESCRIBE it")


@asynccontextmanager
async def translating(bootstrap: str | None = None) -> AsyncIterator[None]:
    """Raises our error in place of one of Kafka's or the network's. `bootstrap`: addresses, while connecting."""
    try:
        yield
    except Exception as error:
        if bootstrap is not None and isinstance(error, (KafkaConnectionError, TimeoutError, asyncio.TimeoutError)):
            why = f" ({reason})" if (reason := _tls_error(error)) else ""
            raise Transient(f"no Kafka at {bootstrap}{why}") from error
        meaning = translated(error)
        if meaning is None or meaning is error:
            raise
        raise meaning from error


def _tls_error(error: BaseException) -> str | None:
    """The message of TLS, if it failed. Any other cause looks like a broker that is away."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) if isinstance(error, ssl.SSLError) else None


def client_options(settings: Settings) -> dict[str, Any]:
    """Arguments of every aiokafka client."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "client_id": "outcomes",
        "security_protocol": settings.kafka_security_protocol,
        "request_timeout_ms": int(REQUEST_SECONDS * 1000),
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        password = settings.kafka_ssl_password
        try:
            options["ssl_context"] = create_ssl_context(
                cafile=_text(settings.kafka_ssl_cafile),
                certfile=_text(settings.kafka_ssl_certfile),
                keyfile=_text(settings.kafka_ssl_keyfile),
                password=password.get_secret_value() if password else None,
            )
        except OSError as error:  # ssl.SSLError is an OSError
            raise Fatal(f"the TLS files for Kafka cannot be used: {error}") from error
    if settings.kafka_security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        if settings.kafka_sasl_mechanism == "OAUTHBEARER":
            options["sasl_oauth_token_provider"] = ClientCredentials(settings)
        else:
            secret = settings.kafka_sasl_password
            options["sasl_plain_username"] = settings.kafka_sasl_username
            options["sasl_plain_password"] = secret.get_secret_value() if secret else None
    return options


def near(topic: str, known: Iterable[str]) -> list[str]:
    """Similar names of topics, the most similar first, without Kafka's own, which begin with `__`."""
    names = sorted((name for name in known if not name.startswith("__")), key=lambda name: (abs(len(name) - len(topic)), name))
    by_lowercase = {name.casefold(): name for name in reversed(names[:COMPARED_NAMES])}
    return [by_lowercase[found] for found in get_close_matches(topic.casefold(), by_lowercase, n=NEAR_NAMES)]


def or_rather(near: list[str]) -> str:
    """Similar names, for the end of a sentence."""
    return f" (did you mean {' or '.join(near)}?)" if near else ""


async def raise_refusal(settings: Settings) -> None:
    """Raises why a broker refuses us: aiokafka only logs it and tries the next broker."""
    options = client_options(settings)
    insecure: KafkaConnectionError | None = None
    for host, port, _ in collect_hosts(options.pop("bootstrap_servers")):
        try:
            connection = await create_conn(host, port, **options)
            try:
                await connection.send(MetadataRequest([]))
            finally:
                connection.close()
        except (*_FATAL, *_OTHER_VERSION):
            raise
        except ssl.SSLCertVerificationError as error:
            raise Fatal(
                f"the certificate of {host}:{port} is not trusted ({error.verify_message}): "
                "set OUTCOMES_KAFKA_SSL_CAFILE to the authority that signed it"
            ) from error
        except ssl.SSLError as error:
            insecure = KafkaConnectionError(str(error))
            insecure.__cause__ = error
        except (KafkaError, OSError, TimeoutError):
            pass  # away, as we know already
    if insecure is not None:
        raise insecure


def _text(path: object) -> str | None:
    return None if path is None else str(path)
