"""Runs the SQL file of a migration inside Alembic's transaction."""

from typing import Any

from alembic import op

from migrations import FOLDER


def run_sql(name: str) -> None:
    """Executes `versions/<name>` as one script.

    asyncpg runs several statements at once only outside of prepared statements, hence the way past SQLAlchemy's cursor. Alembic
    has written or read its version table before, so the transaction is open and the script is part of it.
    """
    script = (FOLDER / "versions" / name).read_text(encoding="utf-8")
    connection: Any = op.get_bind().connection.dbapi_connection
    connection.run_async(lambda driver: driver.execute(script))
