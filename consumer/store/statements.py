"""SQL by name: one statement a file."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

_INCLUDED = re.compile(r"\{(\w+)\.sql\}")


def statements(folder: Path) -> Callable[[str], str]:
    """A function that gives the text of `<name>.sql` in the folder, read once.

    `{other.sql}` in a text stands for that statement; the caller formats any other `{name}`: our own tables and columns.
    """

    @cache
    def sql(name: str) -> str:
        text = (folder / f"{name}.sql").read_text(encoding="utf-8")
        return _INCLUDED.sub(lambda found: sql(found[1]), text)

    return sql
