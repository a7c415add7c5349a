"""The read-only login of the embedded database, for other programs on this machine."""

from consumer.store.postgres import Connection
from consumer.store.sql import sql

LOGIN = "outcomes_viewer"


async def make(connection: Connection, password: str) -> None:
    """Creates the login, or resets its password and rights. Needs a superuser."""
    async with connection.transaction():
        await connection.execute("SELECT set_config('outcomes.viewer_password', $1, true)", password)
        await connection.execute(sql("viewer"))
