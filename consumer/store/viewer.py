"""The login that other programs on this machine read the embedded database with."""

from consumer.store.postgres import Connection
from consumer.store.sql import sql

LOGIN = "outcomes_viewer"


async def make(connection: Connection, password: str) -> None:
    """Makes the login, or gives it this password and nothing but what it is to have. Takes a superuser."""
    async with connection.transaction():
        await connection.execute("SELECT set_config('outcomes.viewer_password', $1, true)", password)
        await connection.execute(sql("viewer"))
