"""Where history begins once old versions were retired. Questions about an earlier time are refused: versions are missing."""

from datetime import datetime

from consumer.errors import UsageError
from consumer.query.sql import sql
from consumer.store.postgres import Connection


async def history_begins(connection: Connection) -> datetime | None:
    """From when on history is whole; None where nothing was retired."""
    row = await connection.fetchrow(sql("history_begins"))
    return row["at"] if row else None


async def refuse_retired(connection: Connection, at: datetime | None, known_at: datetime | None) -> None:
    """Raises `UsageError` for a time whose versions, or whose knowledge, were retired."""
    if at is None and known_at is None:
        return
    row = await connection.fetchrow(sql("history_begins"))
    if row is None or row["at"] is None:
        return
    if at is not None and at < row["at"]:
        raise UsageError(f"history begins at {_said(row['at'])}: what was before has been retired")
    if known_at is not None and known_at < row["known_at"]:
        raise UsageError(f"what was known before {_said(row['known_at'])} cannot be told: part of it has been retired")


def note(begins: datetime) -> str:
    """A sentence below what is shown."""
    return f"History begins at {_said(begins)}: what was before has been retired."


def _said(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}Z".replace(" 00:00:00Z", "")
