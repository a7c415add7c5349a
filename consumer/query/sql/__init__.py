"""One statement a file, read once. `{…}` in a template are names of our own tables and columns, never input."""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@cache
def sql(name: str) -> str:
    """The text of `<name>.sql`."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
