"""Postgres alone: the same rows by COPY and the same two statements, with nothing around them."""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from multiprocessing.synchronize import Barrier
from typing import Any

from consumer.ingest.batch import sort_and_dedupe
from consumer.ingest.records import Accepted
from consumer.store.postgres import connect
from consumer.store.sql import sql
from consumer.store.writer import stage_rows
from tests.bench.expected import TABLE
from tests.bench.machine import Spent, spent

BATCH = 10_000
WAIT_SECONDS = 300.0

Row = tuple[Any, ...]
_fork = multiprocessing.get_context("fork")  # so that the rows are in memory already


def shares(versions: Sequence[Accepted], connections: int) -> list[list[list[Row]]]:
    """For each connection its batches of rows, sorted and folded as the writer wants them; ids in common: none."""
    mine = [[version for version in versions if version.key.id % connections == number] for number in range(connections)]
    return [list(_batches(versions)) for versions in mine]


def _batches(versions: Sequence[Accepted]) -> Iterator[list[Row]]:
    for start in range(0, len(versions), BATCH):
        (rows,) = sort_and_dedupe(versions[start : start + BATCH]).values()
        yield list(stage_rows(rows))


def _statements() -> tuple[str, str]:
    """The project's own, for the table of results."""
    changing = [column for column in TABLE.columns if column not in ("root_account_uuid", "id")]
    versions = sql("write_versions").format(table=TABLE.name, columns=", ".join(TABLE.version_columns))
    current = sql("write_current").format(
        table=TABLE.name,
        columns=", ".join(TABLE.columns),
        assigned=", ".join(changing),
        excluded=", ".join(f"excluded.{column}" for column in changing),
    )
    return versions, current


async def _write(dsn: str, batches: list[list[Row]], together: Barrier) -> None:
    connection = await connect(dsn)
    stage = f"stage_{TABLE.name}"
    columns = (*TABLE.version_columns, "newest")
    await connection.execute(
        f"CREATE TEMPORARY TABLE {stage} ON COMMIT DELETE ROWS AS "
        f"SELECT {', '.join(TABLE.version_columns)}, true AS newest FROM {TABLE.name}_version LIMIT 0"
    )
    versions, current = _statements()
    for batch in batches:  # a look at each value: pages that a fork shares are copied here and not under the clock
        for row in batch:
            for _ in row:
                pass
    together.wait(WAIT_SECONDS)  # all are ready
    together.wait(WAIT_SECONDS)  # the clock runs
    for batch in batches:
        async with connection.transaction():
            await connection.copy_records_to_table(stage, records=batch, columns=columns)
            await connection.execute(versions)
            await connection.execute(current)
    together.wait(WAIT_SECONDS)
    together.wait(WAIT_SECONDS)  # what this process has cost is being read
    await connection.close()


def _child(dsn: str, batches: list[list[Row]], together: Barrier) -> None:
    try:
        asyncio.run(_write(dsn, batches, together))
    except BaseException:
        together.abort()
        raise


def write(dsn: str, share: list[list[list[Row]]]) -> tuple[float, Spent]:
    """Writes each share by a process and connection of its own, all at once: seconds, and CPU."""
    together = _fork.Barrier(len(share) + 1)
    children = [_fork.Process(target=_child, args=(dsn, batches, together), daemon=True) for batches in share]
    for child in children:
        child.start()
    pids = [child.pid for child in children if child.pid is not None]
    together.wait(WAIT_SECONDS)
    before, begun = spent(pids), time.perf_counter()
    together.wait(WAIT_SECONDS)
    together.wait(WAIT_SECONDS)
    seconds, cost = time.perf_counter() - begun, spent(pids).since(before)
    together.wait(WAIT_SECONDS)
    for child in children:
        child.join()
    return seconds, cost
