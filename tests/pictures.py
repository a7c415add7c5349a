"""Writes the pictures of the pages in docs/: `make pictures`. Needs Chromium."""

import asyncio
import sys

from consumer.engines import postgres as postgres_engine
from consumer.store import schema
from tests.chromium import CHROMIUM
from tests.forking import ROOT
from tests.scratch import folder
from tests.serve.browsing import site, write_pictures

EVENTS = 8_000
PICTURES = ROOT / "docs" / "_static" / "pages"


async def _run(dsn: str) -> None:
    await schema.migrate(dsn)
    async with site(dsn, EVENTS) as looked_at:
        for file in await write_pictures(looked_at, PICTURES):
            print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1000} kB")


if __name__ == "__main__":
    if CHROMIUM is None:
        sys.exit("Chromium is needed: apt-get install chromium")
    with folder() as path, postgres_engine.embedded(path / "postgres") as postgres:
        asyncio.run(_run(postgres.dsn))
