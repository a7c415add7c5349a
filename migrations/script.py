"""What a step's Python file calls."""

from pathlib import Path
from typing import Any

from alembic import op

from migrations import objects


def run_beside(step: str, *parts: str) -> None:
    """Runs the SQL file beside a step's Python file, or its parts, as one script, after the functions that it calls.

    asyncpg runs several statements at once only outside of prepared statements, hence the way past SQLAlchemy's cursor. Alembic
    has read or written its version table before, so the transaction is open and the script is part of it.
    """
    files = [f".{part}.sql" for part in parts] or [".sql"]
    script = "\n".join(Path(step).with_suffix(file).read_text(encoding="utf-8") for file in files)

    async def run(driver: Any) -> None:
        await objects.apply(driver, objects.called(script))
        await driver.execute(script)

    connection: Any = op.get_bind().connection.dbapi_connection
    connection.run_async(run)
