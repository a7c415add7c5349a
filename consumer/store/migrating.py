"""Running the migrations: the only place that knows Alembic and SQLAlchemy."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection as SyncConnection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from consumer.store.postgres import Connection, connect
from migrations import FOLDER, HEAD


async def upgrade(dsn: str) -> None:
    """To `HEAD`, in one transaction together with the record of it. `schema.migrate` holds the lock."""

    async def creator() -> Connection:
        return await connect(dsn, application="outcomes migrate")

    engine = create_async_engine("postgresql+asyncpg://", async_creator=creator, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_run_alembic)
    finally:
        await engine.dispose()


def _run_alembic(connection: SyncConnection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    return config


def head() -> str | None:
    """The newest migration in the folder; a test keeps `HEAD` equal to it."""
    return ScriptDirectory.from_config(_config()).get_current_head()
