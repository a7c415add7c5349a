"""The server and our login, as far as an operator can set them wrong."""

from dataclasses import dataclass
from datetime import datetime

from consumer.store.postgres import Connection
from consumer.store.schema import ROLES
from consumer.store.sql import sql


@dataclass(frozen=True, slots=True)
class Server:
    """See `sql/server.sql`."""

    now: datetime
    version: str
    switched_off: list[str]
    read_only: bool
    sessions: int
    most_sessions: int
    bytes: int
    """Of the whole database."""
    login: str
    """Quoted where SQL needs it, as `database`."""
    missing_roles: list[str]
    writes: bool
    stages: bool
    """Whether it may make temporary tables, which writing needs."""
    database: str


async def server(connection: Connection) -> Server:
    """Asks it."""
    row = await connection.fetchrow(sql("server"), ROLES)
    assert row is not None
    return Server(**row)
