"""TLS and every SASL mechanism against a broker that insists on them."""

import base64
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # they are, from its C part
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from consumer.engines import kafka as kafka_engine
from consumer.engines.kafka import LocalKafka, free_port
from tests.acceptance.running import outcomes, outcomes_json, running, send
from tests.acceptance.test_worker import settings
from tests.samples import result

TOPIC = "secured"
_MODULES = "org.apache.kafka.common.security"


def _certificate(
    folder: Path, name: str, authority: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = authority[0].subject if authority else subject
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(authority[1] if authority else key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{name}.crt").write_bytes(pem)
    (folder / f"{name}.key").write_bytes(private)
    (folder / f"{name}.pem").write_bytes(private + pem)
    return certificate, key


class Secured:
    """A broker with a plain listener for the test and secured ones for the worker."""

    def __init__(self, folder: Path) -> None:
        authority = _certificate(folder, "authority", None)
        _certificate(folder, "broker", authority)
        _certificate(folder, "worker", authority)
        self.folder = folder
        self.sasl, self.tls = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        plain = f'{_MODULES}.plain.PlainLoginModule required user_worker="secret";'
        users = [f"SCRAM-SHA-{bits}=[name=worker,password=secret]" for bits in (256, 512)]
        self.broker = LocalKafka(
            folder / "kafka",
            {
                "+listeners": f"SASL://{self.sasl},TLS://{self.tls}",
                "+advertised.listeners": f"SASL://{self.sasl},TLS://{self.tls}",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL",
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
                "listener.name.sasl.plain.sasl.jaas.config": plain,
                "listener.name.sasl.scram-sha-256.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
                "listener.name.sasl.scram-sha-512.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
                "listener.name.sasl.oauthbearer.sasl.jaas.config": (
                    f'{_MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
                ),
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(folder / "broker.pem"),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(folder / "authority.crt"),
                "ssl.client.auth": "required",
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",
                "allow.everyone.if.no.acl.found": "true",
            },
            format_arguments=tuple(word for user in users for word in ("--add-scram", user)),
        ).start()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """One broker for all of these."""
    if not kafka_engine.can_run_locally():
        pytest.skip("a broker of one's own needs Java and Maven")
    made = Secured(tmp_path_factory.mktemp("secured"))
    yield made
    made.broker.kill()


async def consumes(dsn: str, secured: Secured, **variables: str) -> None:
    """A worker with these settings consumes what is in the topic."""
    topic = f"{TOPIC}-{time.monotonic_ns()}"
    await send(secured.broker.bootstrap, topic, [result(number) for number in range(1, 11)])
    told = settings(dsn, variables.pop("bootstrap"), topic, **variables)
    assert (await outcomes_json("worker", "--until-end", **told))["applied"] == 10


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_user_and_a_password_open_the_broker(database: str, secured: Secured, tmp_path: Path, mechanism: str) -> None:
    """The password may come from a file."""
    (tmp_path / "password").write_text("secret\n")
    await consumes(
        database,
        secured,
        bootstrap=secured.sasl,
        OUTCOMES_KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT",
        OUTCOMES_KAFKA_SASL_MECHANISM=mechanism,
        OUTCOMES_KAFKA_SASL_USERNAME="worker",
        OUTCOMES_KAFKA_SASL_PASSWORD_FILE=str(tmp_path / "password"),
    )


async def test_a_wrong_password_stops_the_worker_in_one_sentence(database: str, secured: Secured) -> None:
    """Waiting would not help, and the password is not shown."""
    wrong = settings(
        database,
        secured.sasl,
        TOPIC,
        OUTCOMES_KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT",
        OUTCOMES_KAFKA_SASL_USERNAME="worker",
        OUTCOMES_KAFKA_SASL_PASSWORD="not-the-secret",
    )
    async with running("worker", **wrong) as worker:
        code, _, err = await worker.end(None)
    assert code == 2
    assert "Kafka refuses us" in err
    assert "not-the-secret" not in err


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        (ResourceType.GROUP, AclOperation.READ),
        (ResourceType.GROUP, AclOperation.DESCRIBE),
        (ResourceType.TOPIC, AclOperation.READ),
        (ResourceType.TOPIC, AclOperation.DESCRIBE),
    ],
)
async def test_what_the_worker_may_not_use_is_named(
    database: str, secured: Secured, kind: ResourceType, operation: AclOperation
) -> None:
    """The topic or the group; waiting would not help, whether the operation itself is refused or already a look."""
    topic = f"{TOPIC}-{time.monotonic_ns()}"
    await send(secured.broker.bootstrap, topic, [result(number) for number in range(1, 11)])
    denied = AclBinding(kind, topic, ResourcePatternType.LITERAL, "User:worker", "*", operation, AclPermissionType.DENY)
    admin = AdminClient({"bootstrap.servers": secured.broker.bootstrap})
    for made in admin.create_acls([denied]).values():
        made.result(10)
    user = {
        "OUTCOMES_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "OUTCOMES_KAFKA_SASL_USERNAME": "worker",
        "OUTCOMES_KAFKA_SASL_PASSWORD": "secret",
    }
    code, _, err = await outcomes("worker", **settings(database, secured.sasl, topic, **user))
    assert code == 2, err
    what = "consumer group" if kind == ResourceType.GROUP else "topic"
    assert err.splitlines()[-1].startswith(f"outcomes: Kafka refuses us the {what} {topic}: ")


async def test_a_certificate_that_is_not_trusted_stops_the_worker(database: str, secured: Secured) -> None:
    """It would look like a broker that is away."""
    certificate, key = secured.folder / "worker.crt", secured.folder / "worker.key"
    told = settings(
        database,
        secured.tls,
        TOPIC,
        OUTCOMES_KAFKA_SECURITY_PROTOCOL="SSL",
        OUTCOMES_KAFKA_SSL_CAFILE=str(certificate),
        OUTCOMES_KAFKA_SSL_CERTFILE=str(certificate),
        OUTCOMES_KAFKA_SSL_KEYFILE=str(key),
    )
    code, _, err = await outcomes("worker", **told)
    assert code == 2
    assert f"the certificate of {secured.tls} is not trusted" in err.splitlines()[-1]
    assert "OUTCOMES_KAFKA_SSL_CAFILE" in err.splitlines()[-1]


async def test_a_certificate_opens_the_broker(database: str, secured: Secured) -> None:
    """TLS with a client certificate and an authority of one's own."""
    await consumes(
        database,
        secured,
        bootstrap=secured.tls,
        OUTCOMES_KAFKA_SECURITY_PROTOCOL="SSL",
        OUTCOMES_KAFKA_SSL_CAFILE=str(secured.folder / "authority.crt"),
        OUTCOMES_KAFKA_SSL_CERTFILE=str(secured.folder / "worker.crt"),
        OUTCOMES_KAFKA_SSL_KEYFILE=str(secured.folder / "worker.key"),
    )


async def test_a_missing_certificate_is_named(database: str, secured: Secured) -> None:
    """Before anything is begun."""
    missing = settings(
        database, secured.tls, TOPIC, OUTCOMES_KAFKA_SECURITY_PROTOCOL="SSL", OUTCOMES_KAFKA_SSL_CAFILE="missing.crt"
    )
    code, _, err = await outcomes("worker", **missing)
    assert code == 2
    assert "TLS files for Kafka cannot be used" in err


@asynccontextmanager
async def token_endpoint(port: int) -> AsyncIterator[list[str]]:
    """Hands unsecured tokens to the client `worker` with the secret `s`."""
    asked: list[str] = []

    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        asked.append(f"{request.headers.get('Authorization')} {dict(form)}")
        if request.headers.get("Authorization") != "Basic " + base64.b64encode(b"worker:s").decode():
            return web.Response(status=401)
        now = int(time.time())
        claims: dict[str, object] = {"sub": "worker", "iat": now, "exp": now + 300, "scope": str(form["scope"])}
        return web.json_response({"access_token": f"{part({'alg': 'none'})}.{part(claims)}.", "expires_in": 300})

    app = web.Application()
    app.router.add_post("/token", token)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield asked
    await runner.cleanup()


async def test_a_token_of_client_credentials_opens_the_broker(database: str, secured: Secured, free_port: int) -> None:
    """OAUTHBEARER; the token is asked for once and kept while it lasts."""
    told = {
        "OUTCOMES_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "OUTCOMES_KAFKA_SASL_MECHANISM": "OAUTHBEARER",
        "OUTCOMES_KAFKA_OAUTH_TOKEN_URL": f"http://127.0.0.1:{free_port}/token",
        "OUTCOMES_KAFKA_OAUTH_CLIENT_ID": "worker",
        "OUTCOMES_KAFKA_OAUTH_CLIENT_SECRET": "s",
        "OUTCOMES_KAFKA_OAUTH_SCOPE": "kafka",
    }
    async with token_endpoint(free_port) as asked:
        await consumes(database, secured, bootstrap=secured.sasl, **told)
        assert len(asked) == 1
        wrong = settings(database, secured.sasl, TOPIC, **told | {"OUTCOMES_KAFKA_OAUTH_CLIENT_SECRET": "wrong"})
        async with running("worker", **wrong) as worker:
            code, _, err = await worker.end(None)
    assert code == 2
    assert "the token endpoint refuses the client (401)" in err
