"""Writes the generated parts of docs/reference. Needs no address: it starts a Postgres of its own."""

import asyncio

from consumer.engines import postgres
from consumer.store import schema
from tests import scratch
from tests.reference_pages import files


async def _write(dsn: str) -> None:
    await schema.migrate(dsn)
    for path, text in (await files(dsn)).items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    with scratch.folder() as folder, postgres.postgres(folder / "postgres") as server:
        asyncio.run(_write(server.dsn))
