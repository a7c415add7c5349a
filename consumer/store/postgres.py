"""Connecting, and what Postgres' errors mean to us."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit, urlunsplit

import asyncpg

from consumer.errors import Fatal, OutcomesError, RefusedRow, Transient, UnreadableAddress, UsageError
from consumer.store import address as addresses
from consumer.store import session

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CONNECT_SECONDS = 10.0

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Postgres counts microseconds from here."""
_MICROSECOND = timedelta(microseconds=1)

_TRANSIENT = ("08", "57P", "53", "40001", "40P01", "55P03", "25006", "25P03", "25P04", "57014", "XX000")
_NOT_READY = "55000"
"""With severity FATAL: the database accepts no connections for now. Otherwise: about the object of a statement."""
_REFUSED = ("22", "23", "54")
_UNKNOWN_TENANT = "P0002"
"""What functions say of a tenant that nothing is known of; the message is a sentence."""
_PROTOCOL_VIOLATION = "08P01"
_NO_PRIVILEGE = "42501"
"""Its message names the table, and no data."""
_FATAL = {
    "28": "Postgres refuses the user or the password; check the database address",
    "3D000": "the database does not exist; create it, or check the database address",
    _NO_PRIVILEGE: "the database user lacks a privilege: outcomes_reader reads all but quarantine; outcomes_writer writes, and "
    "reads quarantine too; migrate, retain and token are the owner's",
    "3F000": "the schema outcomes does not exist; run `outcomes migrate`",
    "42P01": "a table is missing; run `outcomes migrate`",
    "42703": "a column is missing; run `outcomes migrate`",
}

NOT_NOW = ("55P03", "40P01")
"""No lock in time: another transaction is long, or there was a deadlock."""

_AWAY_BEHIND_A_POOLER = (
    "cannot connect to server",
    "server login has been failing",
    "server_login_retry",
    "server conn crashed",
    "query_wait_timeout",
    "no more connections allowed",
    "is shutting down",
    "the database system is",
)
"""PgBouncer has one SQLSTATE (08P01) for everything. These of its messages mean an outage."""
_POOLED = ("26000", "42P05")
"""A prepared statement is missing or exists already, which cannot happen in a session that is ours alone."""

_LAST_PORT = 65535
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_ENCODED = "in user and password, # / ? @ : [ ] and the like are written percent-encoded (%23 for #, %40 for @)"


def translated(error: BaseException) -> OutcomesError | None:
    """Our error for one of Postgres' or the network's; None for any other.

    SQLSTATE 54* (a value too large for an index) is the row's fault, as 22* and 23* are.
    """
    if isinstance(error, OutcomesError):
        return error
    if isinstance(error, asyncpg.PostgresError):
        code = error.sqlstate or ""
        if code == _PROTOCOL_VIOLATION or code in _POOLED:
            return _of_a_pooler(error, code)
        if isinstance(error, asyncpg.CheckViolationError) and error.table_name and not error.constraint_name:
            # Not a CHECK of ours: the default partition refuses a row that a new partition takes from now on.
            return Transient("Postgres: a partition was created meanwhile")
        if code.startswith(_TRANSIENT) or (code == _NOT_READY and getattr(error, "severity_en", None) == "FATAL"):
            return Transient(f"Postgres: {_sentence(error)} ({code})")
        if code.startswith(_REFUSED):
            return RefusedRow(f"Postgres refuses a row: {type(error).__name__} ({code})")
        if code == _UNKNOWN_TENANT:
            return UsageError(_sentence(error))
        for prefix, sentence in _FATAL.items():
            if code.startswith(prefix):
                said = f": {_sentence(error)}" if code == _NO_PRIVILEGE else ""
                return Fatal(f"{sentence}{said} ({code})")
        return Fatal(f"Postgres: {_sentence(error)} ({code})")
    if isinstance(error, asyncpg.DataError):
        return RefusedRow("a value does not fit its column")
    if isinstance(error, (asyncpg.InterfaceError, asyncpg.InternalClientError)):
        return Transient(f"connection to Postgres: {error}")
    if isinstance(error, TimeoutError) and not error.args:  # asyncio's; the kernel's has a message
        return Transient("Postgres does not answer in time")
    if isinstance(error, (OSError, EOFError)):
        return Transient(f"connection to Postgres: {type(error).__name__} {error}".rstrip())
    return None


@contextmanager
def translating() -> Iterator[None]:
    """Raises our error in place of one of Postgres' or the network's."""
    try:
        yield
    except Exception as error:
        meaning = translated(error)
        if meaning is None or meaning is error:
            raise
        raise meaning from error


def _of_a_pooler(error: asyncpg.PostgresError, code: str) -> OutcomesError:
    """For codes that a server never sends to a client that follows the protocol."""
    said = _sentence(error)
    if code in _POOLED or "pooling mode" in said:
        return Fatal(f"{session.POOLED} ({code}: {said})")
    if any(words in said for words in _AWAY_BEHIND_A_POOLER):
        return Transient(f"Postgres, through a pooler: {said} ({code})")
    if "parameter" in said or "option" in said:
        return Fatal(
            "a connection pooler at the database address refuses what a session starts with: take options out of the address, "
            f"or name the server itself ({code}: {said})"
        )
    return Fatal(f"the server at the database address, or a connection pooler there, breaks the protocol ({code}: {said})")


def original(error: BaseException) -> BaseException:
    """Postgres' error inside SQLAlchemy's; any other as it is."""
    return getattr(getattr(error, "orig", None), "__cause__", None) or error


def sqlstate(error: BaseException) -> str | None:
    """The code of an error of Postgres, None for any other."""
    found = original(error)
    return found.sqlstate if isinstance(found, asyncpg.PostgresError) else None


def _sentence(error: asyncpg.PostgresError) -> str:
    """Postgres' primary message, without the detail: that may quote a row."""
    return error.args[0] if error.args else type(error).__name__


async def connect(dsn: str, *, statement_seconds: float | None = None, application: str = "outcomes") -> Connection:
    """A session with our settings, on a server that we support. Raises `Transient` or `Fatal`.

    `statement_seconds`: most seconds for a statement, and most seconds idle in a transaction: a frozen process must not keep
    its locks.
    """
    for last, address in _rotations(dsn):
        try:
            if any(map(_too_large, _ports(urlsplit(address)))):
                raise OverflowError  # as asyncio does; uvloop takes the port modulo 65,536
            return await _connected(addresses.read(address), statement_seconds, application)
        except TimeoutError as error:
            if last:
                raise translated(error) or error from error
        except ssl.SSLCertVerificationError as error:  # also a ValueError
            raise Fatal(f"the certificate of the database's server is not trusted: {error.verify_message}") from error
        except (ValueError, IndexError, OverflowError):
            # Some of asyncpg's errors are ValueErrors too. No cause: asyncpg quotes the address, and so maybe the password.
            raise UnreadableAddress(f"the database address cannot be read: {_what_is_wrong(dsn)}") from None
        except BaseException as error:
            meaning = translated(error)
            if meaning is None or meaning is error:
                raise
            raise meaning from error
    raise AssertionError("the last attempt returns or raises")


async def _connected(options: addresses.Options, statement_seconds: float | None, application: str) -> Connection:
    seconds = options.connect_seconds or CONNECT_SECONDS

    def connecting() -> Awaitable[Connection]:
        return asyncpg.connect(
            options.dsn,
            timeout=seconds,
            command_timeout=statement_seconds,
            server_settings={"application_name": application, **options.server},
        )

    connection = await connecting()
    try:
        session.check_server(connection)
        _set_socket_options(connection, options.sockets)
        async with asyncio.timeout(seconds):
            pooled = not await session.is_served_by(connection, connection.get_server_pid())
        if pooled and await _is_shared(connection, connecting):
            raise Fatal(session.POOLED)
        async with asyncio.timeout(seconds):
            await session.set_up(connection, statement_seconds)
    except BaseException:
        connection.terminate()
        await asyncio.sleep(0)  # lets the transport close first
        raise
    return connection


async def _is_shared(connection: Connection, connecting: Callable[[], Awaitable[Connection]]) -> bool:
    """Whether a pooler switches sessions between transactions. Opens a second connection to find out."""
    try:
        other = await connecting()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False  # no second session, so the first one is ours
    try:
        return await session.is_shared(connection, other)
    finally:
        other.terminate()
        await asyncio.sleep(0)


def _set_socket_options(connection: Connection, options: Iterable[tuple[int, int, int]]) -> None:
    """For options that asyncpg does not support."""
    found = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]
    if found is not None and found.family in (socket.AF_INET, socket.AF_INET6):
        for option in options:
            found.setsockopt(*option)


async def write_times_fast(connection: Connection) -> None:
    """Encodes times in a third of asyncpg's own time. Only for connections that write: they cannot read `infinity`."""

    def encoder(time: datetime) -> tuple[int]:
        since = time - _EPOCH
        return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds,)

    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        format="tuple",
        encoder=encoder,
        decoder=lambda fields: _EPOCH + fields[0] * _MICROSECOND,
    )


def _rotations(dsn: str) -> Iterator[tuple[bool, str]]:
    """(whether it is the last, the address) with each of its hosts first once.

    asyncpg has one time limit for all hosts together: a first host that hangs would use it up every time.
    """
    try:
        address = urlsplit(dsn)
    except ValueError:  # asyncpg will say what is wrong
        yield True, dsn
        return
    who, at, places = address.netloc.rpartition("@")
    hosts = places.split(",")
    for first in range(len(hosts)):
        order = ",".join(hosts[first:] + hosts[:first])
        yield first == len(hosts) - 1, urlunsplit(address._replace(netloc=f"{who}{at}{order}")) if first else dsn


def without_password(dsn: str) -> tuple[str, str | None]:
    """(the address without its password, the password); None if there is none before the hosts."""
    try:
        address = urlsplit(dsn)
    except ValueError:  # psql will say what is wrong
        return dsn, None
    if address.password is None:
        return dsn, None
    who, _, places = address.netloc.rpartition("@")
    return urlunsplit(address._replace(netloc=f"{who.partition(':')[0]}@{places}")), unquote(address.password)


def hosts_and_database(dsn: str) -> str:
    """For a log: no user, no password, no option that could hold one."""
    try:
        address = urlsplit(dsn)
    except ValueError:
        return ""
    hosts = address.netloc.rpartition("@")[2] or ",".join(parse_qs(address.query).get("host", []))
    return f"{hosts}{address.path}"


def _ports(address: SplitResult) -> list[str]:
    """The ports of an address, behind its hosts and in its options. They may be no numbers."""
    hosts = address.netloc.rpartition("@")[2].split(",")
    named = [host.rpartition("]")[2].partition(":")[2] for host in hosts]
    return [port for port in named + ",".join(parse_qs(address.query).get("port", [])).split(",") if port]


def _too_large(port: str) -> bool:
    return port.isdecimal() and float(port) > _LAST_PORT  # int() has a limit of digits


def _what_is_wrong(dsn: str) -> str:
    """Why asyncpg cannot read this address. Quotes nothing of it: that may be the password."""
    try:
        address = urlsplit(dsn)
    except ValueError:  # brackets, or characters that Unicode normalizes to others
        host = dsn.rpartition("@")[2]
        return "an IPv6 host stands in brackets: [::1]" if "[" in host or "]" in host else _ENCODED
    if address.scheme not in ("postgresql", "postgres"):
        return "one is postgresql://user:password@host:port/database"
    who = address.netloc.rpartition("@")[0]
    if address.fragment or "@" in f"{who}{address.path}{address.query}":
        return _ENCODED
    ports = _ports(address)
    if not all(port.isdecimal() for port in ports):
        return "a port is not a number"
    if any(map(_too_large, ports)):
        return f"a port is larger than {_LAST_PORT}"
    options = parse_qs(address.query)
    mode = options.get("sslmode", ["prefer"])[-1]
    if mode not in _SSL_MODES or (mode in _SSL_MODES[-2:] and "sslrootcert" not in options):
        return f"sslmode is one of {', '.join(_SSL_MODES)}; the last two need sslrootcert, the file of a root certificate"
    if not addresses.known(options):
        return "libpq does not know one of the options after the ?; write settings of the server as options=-c%20name=value"
    return "a host, an option after the ?, or a PG… variable has an invalid value"
