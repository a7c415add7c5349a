"""Connecting, and what Postgres' errors mean to us."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit, urlunsplit

import asyncpg

from consumer.errors import Fatal, OutcomesError, RefusedRow, Transient
from consumer.store import address as addresses
from consumer.store import session

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CONNECT_SECONDS = 10.0

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""What Postgres counts microseconds from."""
_MICROSECOND = timedelta(microseconds=1)

_TRANSIENT = ("08", "57P", "53", "40001", "40P01", "55P03", "25006", "25P03", "25P04", "57014", "XX000")
_NOT_READY = "55000"
"""At a session's end: the database takes no connections for now. In a session it is about a statement's object."""
_REFUSED = ("22", "23", "54")
_PROTOCOL_VIOLATION = "08P01"
_NO_PRIVILEGE = "42501"
"""Whose sentence names the object, and nothing that is in it."""
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
"""A lock was not to be had in time: somebody's long transaction, or a deadlock with it."""

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
"""PgBouncer has one SQLSTATE (08P01) for all that it has to say: these sentences of it tell of an outage."""
_POOLED = ("26000", "42P05")
"""A prepared statement is missing, or is there already: we prepare over sessions of our own."""

_LAST_PORT = 65535
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_ENCODED = "in user and password, # / ? @ : [ ] and the like are written percent-encoded (%23 for #, %40 for @)"


def translated(error: BaseException) -> OutcomesError | None:
    """The error of ours that tells the loop what to do; None where it is none of Postgres' or the network's.

    Classes of SQLSTATE as in design 7. 54* (a value too large for an index) is a fault of the row as 22* and 23* are.
    """
    if isinstance(error, OutcomesError):
        return error
    if isinstance(error, asyncpg.PostgresError):
        code = error.sqlstate or ""
        if code == _PROTOCOL_VIOLATION or code in _POOLED:
            return _of_a_pooler(error, code)
        if isinstance(error, asyncpg.CheckViolationError) and error.table_name and not error.constraint_name:
            # No CHECK of ours: the row was on its way to another partition.
            return Transient("Postgres: a partition was made meanwhile")
        if code.startswith(_TRANSIENT) or (code == _NOT_READY and getattr(error, "severity_en", None) == "FATAL"):
            return Transient(f"Postgres: {_sentence(error)} ({code})")
        if code.startswith(_REFUSED):
            return RefusedRow(f"Postgres refuses a row: {type(error).__name__} ({code})")
        for prefix, sentence in _FATAL.items():
            if code.startswith(prefix):
                said = f": {_sentence(error)}" if code == _NO_PRIVILEGE else ""
                return Fatal(f"{sentence}{said} ({code})")
        return Fatal(f"Postgres: {_sentence(error)} ({code})")
    if isinstance(error, asyncpg.DataError):
        return RefusedRow("a value does not fit its column")
    if isinstance(error, (asyncpg.InterfaceError, asyncpg.InternalClientError)):
        return Transient(f"connection to Postgres: {error}")
    if isinstance(error, TimeoutError) and not error.args:  # what asyncio raises; the kernel's own says more
        return Transient("Postgres does not answer in time")
    if isinstance(error, (OSError, EOFError)):
        return Transient(f"connection to Postgres: {type(error).__name__} {error}".rstrip())
    return None


def _of_a_pooler(error: asyncpg.PostgresError, code: str) -> OutcomesError:
    """For what a server itself never says to a client that follows the protocol."""
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
    """Postgres' own error out of what SQLAlchemy makes of it; any other as it is."""
    return getattr(getattr(error, "orig", None), "__cause__", None) or error


def sqlstate(error: BaseException) -> str | None:
    """The code of Postgres' error, where it is one."""
    found = original(error)
    return found.sqlstate if isinstance(found, asyncpg.PostgresError) else None


def _sentence(error: asyncpg.PostgresError) -> str:
    """Postgres' primary message; its detail may quote a row, so that is left out."""
    return error.args[0] if error.args else type(error).__name__


async def connect(dsn: str, *, statement_seconds: float | None = None, application: str = "outcomes") -> Connection:
    """A session of our own, set up, on a server that will do. Raises `Transient` or `Fatal`.

    `statement_seconds`: longest wait for a statement here, and longest sleep within a transaction there: a frozen process must
    not keep its locks.
    """
    for last, address in _orders(dsn):
        try:
            if any(map(_too_large, _ports(urlsplit(address)))):
                raise OverflowError  # as asyncio has it; uvloop takes the port that is left of it by 65,536, and waits for that
            return await _connected(addresses.read(address), statement_seconds, application)
        except TimeoutError as error:
            if last:
                raise translated(error) or error from error
        except ssl.SSLCertVerificationError as error:  # a ValueError too
            raise Fatal(f"the certificate of the database's server is not trusted: {error.verify_message}") from error
        except (ValueError, IndexError, OverflowError):
            # Of asyncpg's own errors, those that are ValueErrors too; its other InterfaceErrors tell of a lost connection.
            # Without its cause: what asyncpg takes for a port or an option, and quotes, may be a piece of the password.
            raise Fatal(f"the database address cannot be read: {_what_is_wrong(dsn)}") from None
        except BaseException as error:
            meaning = translated(error)
            if meaning is None or meaning is error:
                raise
            raise meaning from error
    raise AssertionError("the last attempt returns or raises")


async def _connected(asked: addresses.Asked, statement_seconds: float | None, application: str) -> Connection:
    seconds = asked.connect_seconds or CONNECT_SECONDS

    def connecting() -> Awaitable[Connection]:
        return asyncpg.connect(
            asked.dsn,
            timeout=seconds,
            command_timeout=statement_seconds,
            server_settings={"application_name": application, **asked.server},
        )

    connection = await connecting()
    try:
        session.check_server(connection)
        _tune(connection, asked.sockets)
        async with asyncio.timeout(seconds):
            pooled = not await session.is_behind(connection, connection.get_server_pid())
        if pooled and await _is_shared(connection, connecting):
            raise Fatal(session.POOLED)
        async with asyncio.timeout(seconds):
            await session.set_up(connection, statement_seconds)
    except BaseException:
        connection.terminate()
        await asyncio.sleep(0)  # lets the transport close before anything else is tried
        raise
    return connection


async def _is_shared(connection: Connection, connecting: Callable[[], Awaitable[Connection]]) -> bool:
    """Asked with a second connection, behind a pooler alone: a server names the process that serves us when we connect."""
    try:
        other = await connecting()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False  # it has no second one for us, so the first is ours
    try:
        return await session.is_shared(connection, other)
    finally:
        other.terminate()
        await asyncio.sleep(0)


def _tune(connection: Connection, options: Iterable[tuple[int, int, int]]) -> None:
    """What the address asks of the socket: asyncpg has no option for that."""
    found = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]
    if found is not None and found.family in (socket.AF_INET, socket.AF_INET6):
        for option in options:
            found.setsockopt(*option)


async def write_times_fast(connection: Connection) -> None:
    """Times become parameters and COPY in a third of asyncpg's own time, which asks each for its zone several times.

    For connections that write: `infinity` cannot be read over one.
    """
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        format="tuple",
        encoder=lambda time: ((time - _EPOCH) // _MICROSECOND,),
        decoder=lambda told: _EPOCH + told[0] * _MICROSECOND,
    )


def _orders(dsn: str) -> Iterator[tuple[bool, str]]:
    """The address with each of its hosts first once, and whether it is the last such order.

    asyncpg has one time limit for all hosts together, so that one which takes connections and never answers would keep it from
    the others for ever.
    """
    try:
        address = urlsplit(dsn)
    except ValueError:  # asyncpg minds the same
        yield True, dsn
        return
    who, at, places = address.netloc.rpartition("@")
    hosts = places.split(",")
    for first in range(len(hosts)):
        order = ",".join(hosts[first:] + hosts[:first])
        yield first == len(hosts) - 1, urlunsplit(address._replace(netloc=f"{who}{at}{order}")) if first else dsn


def without_password(dsn: str) -> tuple[str, str | None]:
    """The address without its password, and the password; None where it holds none that stands before the hosts."""
    try:
        address = urlsplit(dsn)
    except ValueError:  # psql says what it minds
        return dsn, None
    if address.password is None:
        return dsn, None
    who, _, places = address.netloc.rpartition("@")
    return urlunsplit(address._replace(netloc=f"{who.partition(':')[0]}@{places}")), unquote(address.password)


def place(dsn: str) -> str:
    """Hosts and database of an address, for a log: no user, no password, no option that could hold one."""
    try:
        address = urlsplit(dsn)
    except ValueError:
        return ""
    hosts = address.netloc.rpartition("@")[2] or ",".join(parse_qs(address.query).get("host", []))
    return f"{hosts}{address.path}"


def _ports(address: SplitResult) -> list[str]:
    """What stands where ports do: behind the hosts, and in the option."""
    places = address.netloc.rpartition("@")[2].split(",")
    named = [place.rpartition("]")[2].partition(":")[2] for place in places]
    return [port for port in named + ",".join(parse_qs(address.query).get("port", [])).split(",") if port]


def _too_large(port: str) -> bool:
    return port.isdecimal() and float(port) > _LAST_PORT  # an int cannot be made of any number of digits


def _what_is_wrong(dsn: str) -> str:
    """What keeps asyncpg from reading this address: a sentence that quotes nothing of it."""
    try:
        address = urlsplit(dsn)
    except ValueError:  # brackets, or characters that Unicode takes for others
        place = dsn.rpartition("@")[2]
        return "an IPv6 host stands in brackets: [::1]" if "[" in place or "]" in place else _ENCODED
    if address.scheme not in ("postgresql", "postgres"):
        return "one is postgresql://user:password@host:port/database"
    who = address.netloc.rpartition("@")[0]
    if address.fragment or "@" in f"{who}{address.path}{address.query}":
        return _ENCODED
    ports = _ports(address)
    if not all(port.isdecimal() for port in ports):
        return "a port is no number"
    if any(map(_too_large, ports)):
        return f"a port is larger than {_LAST_PORT}"
    options = parse_qs(address.query)
    mode = options.get("sslmode", ["prefer"])[-1]
    if mode not in _SSL_MODES or (mode in _SSL_MODES[-2:] and "sslrootcert" not in options):
        return f"sslmode is one of {', '.join(_SSL_MODES)}; the last two need sslrootcert, the file of a root certificate"
    if not addresses.known(options):
        return "one of the options behind its ? is none of libpq's; settings of the server go into options=-c%20name=value"
    return "one of its hosts, of the options behind its ?, or of the variables PG… has a value that it cannot have"
