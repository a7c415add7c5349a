"""The address of a database holds a password, so that what is wrong with it is said without quoting it."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from traceback import format_exception

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from consumer.errors import Fatal
from consumer.store import address as addresses
from consumer.store.postgres import connect, without_password
from consumer.store.schema import migrate

ENCODED = "in user and password, # / ? @ : [ ] and the like are written percent-encoded (%23 for #, %40 for @)"
OPTION = "a host, an option after the ?, or a PG… variable has an invalid value"
UNKNOWN = "libpq does not know one of the options after the ?; write settings of the server as options=-c%20name=value"
SSL = "sslmode is one of disable, allow, prefer, require, verify-ca, verify-full; the last two need sslrootcert"

WRONG = {
    "user:geh#eim@host/db": ENCODED,
    "user:geh/eim@host/db": ENCODED,
    "user:geh?eim@host/db": ENCODED,
    "user:eim?geh@host/db": ENCODED,
    "user:a@eim:geh@host/db": ENCODED,
    "user:geh[eim@host/db": ENCODED,
    "user:geh\u2100eim@host/db": ENCODED,
    "user:a@[]geh@host/db": ENCODED,
    "user:geheim@host:port/db": "a port is not a number",
    "host:port/db": "a port is not a number",
    "user:geheim@one:5432,two:port/db": "a port is not a number",
    "user:geheim@127.0.0.1:99999/db": "a port is larger than 65535",
    "user:geheim@localhost:99999/db": "a port is larger than 65535",
    "user:geheim@one:5432,[::1]:70000/db": "a port is larger than 65535",
    "user:geheim@127.0.0.1/db?port=70000": "a port is larger than 65535",
    "user:geheim@[::1/db": "an IPv6 host stands in brackets: [::1]",
    "user:geheim@host,/db": OPTION,
    "host/db?user=user&password=a&geheim": OPTION,
    "user:p@host/db?target_session_attrs=geheim": OPTION,
    "user:geheim@host/db?geheim=1": UNKNOWN,
    "user:geheim@host/db?connect_timeout=geheim": OPTION,
    "user:geheim@host/db?keepalives_idle=geheim": OPTION,
    "user:geheim@host/db?load_balance_hosts=geheim": OPTION,
    "user:geheim@one,two/db?hostaddr=10.0.0.1,10.0.0.2,10.0.0.3": OPTION,
    "user:geheim@host/db?sslmode=full": SSL,
    "user:geheim@host/db?sslmode=verify-full": SSL,
}


@pytest.mark.parametrize(
    ("rest", "left", "password"),
    [
        ("user:ge%40h:eim@host:1/db", "user@host:1/db", "ge@h:eim"),
        ("user:geheim@one:1,[::1]:2/db?sslmode=require", "user@one:1,[::1]:2/db?sslmode=require", "geheim"),
        ("user@host/db", "user@host/db", None),
        ("/db?host=/run&user=u", "/db?host=/run&user=u", None),
        ("user:geh[eim@host/db", "user:geh[eim@host/db", None),
    ],
)
def test_a_password_is_taken_out_of_an_address(rest: str, left: str, password: str | None) -> None:
    """For commands whose arguments everybody may read; one that cannot be read stays as it is."""
    assert without_password(f"postgresql://{rest}") == (f"postgresql://{left}", password)


@pytest.mark.parametrize("rest", WRONG)
async def test_an_address_that_cannot_be_read_is_explained_and_not_quoted(rest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the sentence nor in what a log would tell of its causes; to connect, and to migrate."""
    monkeypatch.setenv("HOME", "/nowhere")  # where a root certificate may lie
    for ask in (connect, migrate):
        with pytest.raises(Fatal) as caught:
            await ask(f"postgresql://{rest}")
        assert str(caught.value).startswith(f"the database address cannot be read: {WRONG[rest]}")
        told = "".join(format_exception(caught.value))
        assert "geh" not in told
        assert "eim" not in told


@pytest.mark.parametrize(
    ("option", "advice"),
    [
        ("channel_binding=require", "sslmode=verify-full proves who the server is"),
        ("gssencmode=require", "sslmode=require encrypts"),
        ("require_auth=scram-sha-256", "remove it"),
        ("requirepeer=postgres", "remove it"),
        ("replication=database", "remove it"),
        ("client_encoding=LATIN1", "remove it"),
        ("sslcertmode=require", "remove it"),
        ("hostaddr=10.0.0.1&sslmode=verify-full&sslrootcert=x", "needs names: remove hostaddr"),
    ],
)
def test_what_libpq_would_keep_and_we_cannot_is_named(option: str, advice: str) -> None:
    """A promise that is silently broken is worse than none."""
    with pytest.raises(Fatal, match=f"the database address (sets|has) {option.partition('=')[0]}.*{advice}"):
        addresses.read(f"postgresql://user:geheim@host/db?{option}")


def test_a_variable_of_libpqs_that_we_cannot_keep_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds for all that connects from here."""
    monkeypatch.setenv("PGREQUIREAUTH", "scram-sha-256")
    with pytest.raises(Fatal, match="PGREQUIREAUTH sets require_auth to a value that is not supported"):
        addresses.read("postgresql://user@host/db")


def test_a_service_says_what_the_address_does_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the address, or by PGSERVICE where that names no host; its options are promises as the address' own are."""
    file = tmp_path / "services"
    file.write_text("[lab]\nhost=db.lab\ndbname=x\nsslmode=require\noptions=-c geqo=off\n[odd]\nchannel_binding=require\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    asked = addresses.read("postgresql://user@/?service=lab&dbname=y")
    assert asked.dsn == "postgresql://user@/?host=db.lab&dbname=y&sslmode=require"
    assert asked.server == {"options": "-c geqo=off"}
    with pytest.raises(Fatal, match="sets channel_binding to a value that is not supported"):
        addresses.read("postgresql://user@/?service=odd")
    monkeypatch.setenv("PGSERVICE", "lab")
    assert "host=db.lab" in addresses.read("postgresql://user@/y").dsn
    assert addresses.read("postgresql://user@host/y").dsn == "postgresql://user@host/y"
    assert addresses.unencrypted("postgresql://user@/y") is None
    file.write_text("[lab]\nhost=db.lab\n")
    assert addresses.unencrypted("postgresql://user@/y") == "db.lab"


def test_a_service_that_is_nowhere_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever is at the usual place may be another database. A file that is none is named."""
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    with pytest.raises(Fatal, match="names a service that is not in"):
        addresses.read("postgresql://user@host/db?service=lab")
    (tmp_path / "services").write_text("host=db.lab\n")
    with pytest.raises(Fatal, match="cannot be read as a file of database services"):
        addresses.read("postgresql://user@host/db?service=lab")


@pytest.mark.parametrize(
    ("rest", "left"),
    [
        ("user:p%40@one:1,two/db?sslmode=require&passfile=%2Fp", "user:p%40@one:1,two/db?sslmode=require&passfile=%2Fp"),
        ("user@host/db?channel_binding=prefer&sslmode=require", "user@host/db?sslmode=require"),
        ("user@host/db?gssencmode=prefer&sslsni=1&client_encoding=UTF8&replication=false", "user@host/db"),
        ("user@host:1/db?hostaddr=10.0.0.1", "user@10.0.0.1:1/db"),
        ("user@one:1,two:2/db?hostaddr=10.0.0.1,::1", "user@10.0.0.1:1,[::1]:2/db"),
        ("/db?host=one&hostaddr=10.0.0.1&port=7&user=u", "10.0.0.1:7/db?port=7&user=u"),
        ("user@host/db?keepalives=0&fallback_application_name=x", "user@host/db"),
    ],
)
def test_options_that_only_libpq_knows_do_not_become_settings_of_the_server(rest: str, left: str) -> None:
    """Which it would refuse, with a sentence about a parameter that nobody has set."""
    asked = addresses.read(f"postgresql://{rest}")
    assert asked.dsn == f"postgresql://{left}"
    assert asked.server == {}


def test_options_for_session_and_socket_are_taken_out_of_an_address() -> None:
    """They are handed to the server, or kept here."""
    asked = addresses.read(
        "postgresql://h/db?options=-c%20geqo%3Doff&application_name=mine&connect_timeout=7&keepalives_count=5"
    )
    assert asked.server == {"options": "-c geqo=off", "application_name": "mine"}
    assert asked.connect_seconds == 7
    assert [value for _, _, value in asked.sockets] == [1, 5]
    assert addresses.read("postgresql://h/db?connect_timeout=0&keepalives=0") == addresses.Options(
        "postgresql://h/db", {}, None, ()
    )


def test_hosts_are_taken_in_an_order_by_chance_where_that_is_asked_for() -> None:
    """So that many workers share out what several servers give."""
    seen = {addresses.read("postgresql://u@a:1,b:2/db?load_balance_hosts=random").dsn for _ in range(60)}
    assert seen == {"postgresql://u@a:1,b:2/db", "postgresql://u@b:2,a:1/db"}


async def test_a_port_that_cannot_be_is_no_traceback_where_a_variable_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Postgres' own variables stand in for what an address leaves out."""
    monkeypatch.setenv("PGPORT", "99999")
    with pytest.raises(Fatal, match="a PG… variable has an invalid value"):
        await connect("postgresql://user@127.0.0.1/db")


@pytest.mark.parametrize("address", ["mysql://user:geheim@host/db", "geheim:x@host/db", "host=host password=geheim"])
async def test_an_address_of_something_else_is_told_how_one_looks(address: str) -> None:
    """Also of the other form that Postgres' own tools know."""
    with pytest.raises(Fatal, match="cannot be read: one is postgresql://user:password@host:port/database") as caught:
        await connect(address)
    assert "geheim" not in "".join(format_exception(caught.value))


async def test_a_server_whose_certificate_is_not_trusted_is_no_wrong_address(tmp_path: Path) -> None:
    """The error is a ValueError, as those of addresses are; its reason is told."""
    stranger, authority = tmp_path / "stranger.pem", tmp_path / "authority.pem"
    for file in (stranger, authority):
        file.write_bytes(certificate())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(stranger)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)  # the wish for TLS
        writer.write(b"S")
        try:
            await writer.start_tls(context)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Fatal, match="the certificate of the database's server is not trusted: self-signed certificate"):
        await connect(f"postgresql://user:p@127.0.0.1:{port}/db?sslmode=verify-ca&sslrootcert={authority}")
    server.close()
    await server.wait_closed()


def certificate() -> bytes:
    """One that vouches for itself, with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private + signed.public_bytes(serialization.Encoding.PEM)
