"""Connections for reading the projection, in the role of a reader, which can change nothing."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias, TypeVar, cast

import asyncpg

from consumer import log
from consumer.errors import Fatal, OutcomesError, Transient
from consumer.store import schema
from consumer.store.postgres import Connection, connect, translated

ROLE = "outcomes_reader"
NAMES_ROLE = "outcomes_people"
"""May read people's names, and nothing else. A login that is no member of it is shown pseudonyms."""
CONNECTIONS = 10
"""Statements at once; more wait for a slot."""
PER_TENANT = 7
"""Of these, at most: a busy tenant leaves some to the others and to `/readyz`."""
FOR_STRANGERS = 2
"""Of these, at most, for clients without a known token: they must not keep the others waiting."""
STATEMENT_SECONDS = 10.0
"""A statement that takes longer is cancelled: its client has gone, and others wait."""
WAIT_SECONDS = 5.0
"""How long a statement waits for a slot."""

_TIMEOUT = f"SET statement_timeout = {int(STATEMENT_SECONDS * 1000)}; "
_SETTINGS = (
    f"{_TIMEOUT}SET default_transaction_read_only = on; "
    "SET plan_cache_mode = force_generic_plan; SET jit = off; SET work_mem = '32MB'"
)
"""Each connection plans a statement once: planning takes longer than most answers."""
_TIMED_OUT = ("57014",)
_SET_OPTION_SINCE = 16
"""The first Postgres where a member of a role may lack the right to SET it."""
SHOWS_NAMES: ContextVar[bool] = ContextVar("shows_names", default=False)
"""Whether who asks may see names: each request says it, and where none does nobody may."""
Row: TypeAlias = asyncpg.Record
_Pooled: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Row]"
T = TypeVar("T")


class ReadPool:
    """All statements of the server. Methods raise `Transient` (the database is away) or `Fatal` (its schema is another one).

    After a restart of the database every connection is broken: they are replaced, and the statement runs once more.
    """

    _role, _settings, _connections = ROLE, _SETTINGS, CONNECTIONS

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._tenant_slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(PER_TENANT))
        self._stranger_slots = asyncio.Semaphore(FOR_STRANGERS)

    async def open(self) -> None:
        """Makes the pool. It connects when it has to, so that the server starts without its database."""
        self._pool = await asyncpg.create_pool(
            min_size=0, max_size=self._connections, connect=self._connect, reset=_no_reset, max_inactive_connection_lifetime=60
        )

    async def close(self) -> None:
        """Ends all connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()
            await asyncio.sleep(0)  # lets the transports close

    async def check(self) -> None:
        """Connects once, to find out whether role and schema are right."""
        try:
            connection = await self._connect()
        except Exception as error:
            raise _translated(error) from error
        connection.terminate()
        await asyncio.sleep(0)

    async def fetch(self, statement: str, *arguments: Any, tenant: str | None = None) -> Sequence[Row]:
        """The rows of a statement. `tenant` says for whom it runs, where that is not its first argument."""
        owner = tenant if tenant is not None else arguments[0] if arguments else None
        if not isinstance(owner, str):  # no tenant is known yet
            return await self._fetch(statement, arguments)
        async with _slot(self._tenant_slots[owner]):
            return await self._fetch(statement, arguments)

    async def fetch_row(self, statement: str, *arguments: Any) -> Row | None:
        """The first row."""
        rows = await self.fetch(statement, *arguments)
        return rows[0] if rows else None

    async def fetch_names(self, statement: str, tenant: str, *arguments: Any) -> Sequence[Row]:
        """The rows of a statement that reads names; none where the login may not, or who asks."""
        async with _slot(self._tenant_slots[tenant]):
            return await self._fetch(statement, (tenant, *arguments), NAMES_ROLE)

    async def read(self, tenant: str, question: Callable[[Connection], Awaitable[T]]) -> T:
        """The answer to a question of several statements over one connection, which `names_of` may ask for names too."""
        async with _slot(self._tenant_slots[tenant]):
            return await self._run(lambda connection: question(cast("Connection", connection)))

    def stranger_slot(self) -> AbstractAsyncContextManager[None]:
        """A slot for a client whose token is not known to open anything."""
        return _slot(self._stranger_slots)

    async def _fetch(self, statement: str, arguments: Sequence[Any], role: str = ROLE) -> Sequence[Row]:
        return await self._run(lambda connection: _rows_of(connection, statement, arguments, role))

    async def _run(self, work: Callable[[_Pooled], Awaitable[T]]) -> T:
        assert self._pool is not None, "not open"
        for last in (False, True):
            try:
                async with self._pool.acquire(timeout=WAIT_SECONDS) as connection:
                    return await work(connection)
            except Exception as error:
                meaning = _translated(error)
                gave_up = isinstance(error, TimeoutError) or getattr(error, "sqlstate", None) in _TIMED_OUT
                if last or gave_up or not isinstance(meaning, Transient):
                    raise meaning from error
                await self._pool.expire_connections()
        raise AssertionError("the last attempt returns or raises")

    async def _connect(self, *_: Any, **__: Any) -> Connection:
        """A connection that may only read. The arguments are the pool's own, and add nothing to the address."""
        connection = await connect(self._dsn, statement_seconds=STATEMENT_SECONDS, application="outcomes serve")
        try:
            await _set_role(connection, self._role)
            if self._role == ROLE:
                await schema.check(connection)
            await connection.execute(self._settings)
        except BaseException:
            connection.terminate()
            raise
        return connection


class AccessPool(ReadPool):
    """The same for what access writes: sessions and the access log, and nothing else."""

    _role, _settings, _connections = "outcomes_serve", _TIMEOUT, 2


async def names_of(connection: Connection, statement: str, *arguments: Any) -> Sequence[Row]:
    """The rows of a statement that reads names, within a question or alone; none where the login may not, or who asks."""
    return await _rows_of(connection, statement, arguments, NAMES_ROLE)


async def _rows_of(connection: "Connection | _Pooled", statement: str, arguments: Sequence[Any], role: str) -> Sequence[Row]:
    if role != NAMES_ROLE:
        return await connection.fetch(statement, *arguments)
    if not SHOWS_NAMES.get():
        return []
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {role}")
            rows = await connection.fetch(statement, *arguments)
            await connection.execute(f"SET LOCAL ROLE {ROLE}")  # for what the transaction around this one asks next
            return rows
    except asyncpg.InsufficientPrivilegeError:
        return []


@asynccontextmanager
async def _slot(slots: asyncio.Semaphore) -> AsyncIterator[None]:
    """Raises `Transient` where none is free in time."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await slots.acquire()
    except TimeoutError as error:
        raise _translated(error) from error
    try:
        yield
    finally:
        slots.release()


async def _set_role(connection: Connection, role: str) -> None:
    """Raises `Fatal` with what to do. The role itself may SET its own name."""
    try:
        await connection.execute(f"SET ROLE {role}")
    except asyncpg.InsufficientPrivilegeError as error:
        login = await connection.fetchval("SELECT quote_ident(session_user)")
        grant = _grant(role, login, connection.get_server_version().major)
        raise Fatal(f"the login of the database address may not be {role}: {grant}") from error
    except (asyncpg.UndefinedObjectError, asyncpg.InvalidParameterValueError):
        await schema.check(connection)
        raise


def _grant(role: str, login: str, major: int) -> str:
    """What an administrator runs. From 16 on the maker of a role is a member without SET, and a plain GRANT leaves that so."""
    return f"GRANT {role} TO {login}{' WITH SET TRUE' if major >= _SET_OPTION_SINCE else ''}"


async def _no_reset(_: Connection) -> None:
    """No statement leaves anything behind, so nothing needs to be reset before the next one."""


def _translated(error: Exception) -> OutcomesError:
    """The error as one of ours. Raises it where it is a bug."""
    meaning = translated(error)
    if meaning is None:
        raise error
    if isinstance(meaning, Fatal):
        log.get("serve").error("database_unusable", error=str(meaning))
    return meaning
