"""One statement a file, read once. Every one takes the tenant first, so that no other tenant's rows can be in an answer.

`{context}` in a statement stands for the one of context.sql.
"""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@cache
def sql(name: str) -> str:
    """The text of `<name>.sql`."""
    text = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return text.replace("{context}", sql("context")) if "{context}" in text else text
