"""`python -m tests.bench.tableless ARGUMENTS…`: `outcomes` whose writer moves positions and writes no rows.

Postgres has next to nothing to do, so it holds up nobody. What a worker does before COPY is as ever.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping

from consumer.__main__ import main
from consumer.ingest.batch import Partition, Staged
from consumer.ingest.tables import Table
from consumer.store.writer import Writer, stage_rows


class _Tableless(Writer):
    async def _create_stages(self, _: Iterable[Table]) -> None:
        """There are none."""

    async def _create_partitions(self, _: Mapping[Table, list[Staged]]) -> None:
        """For no years."""

    async def _stage(self, tables: Mapping[Table, list[Staged]]) -> Mapping[Table, list[Staged]]:
        for rows in tables.values():
            deque(stage_rows(rows), maxlen=0)
        return tables

    async def _merge(self, _: Mapping[Table, list[Staged]]) -> tuple[Counter[Partition], Counter[Partition]]:
        return Counter(), Counter()


if __name__ == "__main__":
    from consumer.store import store

    setattr(store, "Writer", _Tableless)  # noqa: B010 - the store makes its writers by this name
    main()
