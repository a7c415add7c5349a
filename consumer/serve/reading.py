"""Asking the projection: a pool of connections in the role of a reader, which can change nothing."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from consumer import log
from consumer.errors import Fatal, OutcomesError, Transient
from consumer.query.sql import sql as read_sql
from consumer.serve.sql import sql
from consumer.store import schema
from consumer.store.postgres import Connection, connect, translated

ROLE = "outcomes_reader"
CONNECTIONS = 10
"""Questions at once; more wait for their turn."""
OF_ONE_TENANT = 7
"""Of these, at most: who asks much at once leaves something to the others, and to those who ask whether the server is ready."""
OF_STRANGERS = 2
"""Of these, at most, for clients without a known token: they must not keep the others waiting."""
STATEMENT_SECONDS = 10.0
"""A question that takes longer is given up: its asker has gone, and others wait."""
WAIT_SECONDS = 5.0
"""How long a question waits for its turn."""

_SETTINGS = (
    f"SET default_transaction_read_only = on; SET statement_timeout = {int(STATEMENT_SECONDS * 1000)}; "
    "SET plan_cache_mode = force_generic_plan; SET jit = off; SET work_mem = '32MB'"
)
"""Planned once for each connection: planning anew takes longer than most answers."""
_TIMED_OUT = ("57014",)
_SET_OPTION_SINCE = 16
"""The first Postgres that knows of members who may not take a role's name."""
Row: TypeAlias = asyncpg.Record


class Reading:
    """All questions of the server. Every method raises `Transient` (the database is away) or `Fatal` (its schema is another's).

    A connection that broke meanwhile, as all do when the database was restarted, is replaced and the question asked once more.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(OF_ONE_TENANT))
        self._strangers = asyncio.Semaphore(OF_STRANGERS)

    async def open(self) -> None:
        """Makes the pool; connections are made when they are needed, so that a database may be away."""
        self._pool = await asyncpg.create_pool(
            min_size=0, max_size=CONNECTIONS, connect=self._connected, reset=_keep_as_it_is, max_inactive_connection_lifetime=60
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
            connection = await self._connected()
        except Exception as error:
            raise _meaning(error) from error
        connection.terminate()
        await asyncio.sleep(0)

    async def rows(self, name: str, *arguments: Any) -> Sequence[Row]:
        """The rows of a statement of this room."""
        return await self._ask(sql(name), arguments)

    async def row(self, name: str, *arguments: Any) -> Row | None:
        """Its first row."""
        rows = await self._ask(sql(name), arguments)
        return rows[0] if rows else None

    async def told(self, name: str, *arguments: Any, of: str | None = None, **names: str) -> Sequence[Row]:
        """The rows of a statement of the commands' (`consumer.query`); `of`: the tenant, where it is no argument."""
        return await self._ask(read_sql(name).format(**names) if names else read_sql(name), arguments, of)

    def stranger(self) -> AbstractAsyncContextManager[None]:
        """A turn among those whose token is not known to open anything."""
        return _turn(self._strangers)

    async def _ask(self, statement: str, arguments: Sequence[Any], of: str | None = None) -> Sequence[Row]:
        tenant = of if of is not None else arguments[0] if arguments else None
        if not isinstance(tenant, str):  # a question that is nobody's
            return await self._answer(statement, arguments)
        async with _turn(self._turns[tenant]):
            return await self._answer(statement, arguments)

    async def _answer(self, statement: str, arguments: Sequence[Any]) -> Sequence[Row]:
        assert self._pool is not None, "not open"
        for last in (False, True):
            try:
                async with self._pool.acquire(timeout=WAIT_SECONDS) as connection:
                    return await connection.fetch(statement, *arguments)
            except Exception as error:
                meaning = _meaning(error)
                gave_up = isinstance(error, TimeoutError) or getattr(error, "sqlstate", None) in _TIMED_OUT
                if last or gave_up or not isinstance(meaning, Transient):
                    raise meaning from error
                await self._pool.expire_connections()
        raise AssertionError("the last attempt returns or raises")

    async def _connected(self, *_: Any, **__: Any) -> Connection:
        """A connection that may only read. The arguments are the pool's own, which has nothing to add to the address."""
        connection = await connect(self._dsn, statement_seconds=STATEMENT_SECONDS, application="outcomes serve")
        try:
            await _become_a_reader(connection)
            await schema.check(connection)
            await connection.execute(_SETTINGS)
        except BaseException:
            connection.terminate()
            raise
        return connection


@asynccontextmanager
async def _turn(turns: asyncio.Semaphore) -> AsyncIterator[None]:
    """Raises `Transient` where it does not come in time."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await turns.acquire()
    except TimeoutError as error:
        raise _meaning(error) from error
    try:
        yield
    finally:
        turns.release()


async def _become_a_reader(connection: Connection) -> None:
    """Raises `Fatal` with what to do. The role itself may take its own name."""
    try:
        await connection.execute(f"SET ROLE {ROLE}")
    except asyncpg.InsufficientPrivilegeError as error:
        login = await connection.fetchval("SELECT quote_ident(session_user)")
        grant = _grant(login, connection.get_server_version().major)
        raise Fatal(f"the login of the database address may not be {ROLE}: {grant}") from error
    except (asyncpg.UndefinedObjectError, asyncpg.InvalidParameterValueError):
        await schema.check(connection)
        raise


def _grant(login: str, major: int) -> str:
    """What an administrator runs, on this version of Postgres.

    Since 16 who made a role is its member already, without leave to take its name, and a plain GRANT leaves that as it is.
    """
    return f"GRANT {ROLE} TO {login}{' WITH SET TRUE' if major >= _SET_OPTION_SINCE else ''}"


async def _keep_as_it_is(_: Connection) -> None:
    """Nothing that a question does outlives it, so nothing needs to be set back before the next one."""


def _meaning(error: Exception) -> OutcomesError:
    """What an error means here; raises it where it is a mistake of ours."""
    meaning = translated(error)
    if meaning is None:
        raise error
    if isinstance(meaning, Fatal):
        log.get("serve").error("database_unusable", error=str(meaning))
    return meaning
