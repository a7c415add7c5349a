"""The generated parts of docs/reference and deploy: `python -m tests.reference_pages` writes them, tests compare them.

A page holds text by hand, and blocks between `<!-- generated: NAME -->` and `<!-- end -->` that come from the code or from a
migrated database.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.reference_pages import (
    chart,
    commands,
    dashboards,
    diagram,
    endpoints,
    events,
    log_events,
    metrics,
    reasons,
    settings,
    tables,
)

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
DEPLOY = Path(__file__).parents[2] / "deploy"
_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def of_code() -> dict[str, str]:
    """The blocks that need no database, by name."""
    rooms = (commands, endpoints, events, log_events, metrics, reasons, settings)
    return {room.__name__.rpartition(".")[2]: room.text() for room in rooms}


def of_database(found: tables.Catalogue) -> dict[str, str]:
    """The blocks that come from a migrated database, by name."""
    return {room.__name__: room(found) for room in (tables.objects, tables.versions, tables.others, tables.functions)}


async def files(dsn: str) -> dict[Path, str]:
    """Every generated file with today's text."""
    found = await tables.catalogue(dsn)
    blocks = of_code() | of_database(found)
    deployed = {DEPLOY / "helm" / "outcomes" / "values.schema.json": chart.text()}
    deployed |= {DEPLOY / "grafana" / name: text for name, text in dashboards.texts().items()}
    return dict(pages(blocks)) | {FOLDER / "tables.svg": diagram.svg(found)} | deployed


def pages(blocks: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Every page that has blocks, with those filled that are known; the others stay as they are."""
    for path in sorted(FOLDER.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if _BLOCK.search(text):
            yield (
                path,
                _BLOCK.sub(
                    lambda match: f"{match[1]}\n{blocks[match[2]]}\n{match[3]}" if match[2] in blocks else match[0], text
                ),
            )
