"""A dry run: the same statements, on temporary tables that mask the real ones."""

from consumer.ingest.batch import Batch
from consumer.ingest.tables import TABLES, Table
from consumer.settings import People
from consumer.store.postgres import Connection, translating
from consumer.store.sql import sql
from consumer.store.writer import Writer

_TABLES = (
    *("stream_position", "quarantine", "ignored_event", "unknown_member", "person_name", "user_identity"),
    *(name for table in TABLES for name in (table, f"{table}_version")),
)


async def create_dry_run_tables(connection: Connection) -> None:
    """Creates a temporary table for each that a batch writes to. Positions begin as they are in the projection."""
    with translating():
        for table in _TABLES:
            await connection.execute(sql("create_dry_run_table").format(table=table))
        await connection.execute(sql("copy_positions"))


class DryRunWriter(Writer):
    """A writer on a connection with dry-run tables. Changes nothing that other sessions can see."""

    async def _after_copy(self, table: Table) -> None:
        await self._connection.execute(sql("load_dry_run_table").format(table=table.name))

    async def remove_names(self, people: People) -> None:
        """Not in a dry run."""

    async def _divided(self, batch: Batch) -> Batch:
        """Suppresses nobody."""
        return await self.suppressions.divide(self._connection, batch, learn=False)

    async def _create_partitions(self, tables: object) -> None:
        """A temporary table has none."""
