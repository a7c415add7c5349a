"""Text for the pages: tables and the characters that Markdown would take for its own."""

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(`[^`]*`)")
_SETTING = re.compile(r"(?<!`)\bOUTCOMES_[A-Z_]+\b(?![`=])")
_MARKUP = re.compile(r"([<>*\\]|\b_\B|\B_\b)")


def escaped(text: str) -> str:
    """One line, with nothing in it that Markdown would obey; names of settings, and what is between backticks, are code."""
    parts = _CODE.split(_SETTING.sub(r"`\g<0>`", " ".join(text.split())))
    return "".join(part if index % 2 else _MARKUP.sub(r"\\\1", part) for index, part in enumerate(parts))


def code(text: object) -> str:
    """A name as code; nothing where there is none."""
    return f"`{text}`" if text not in ("", None) else ""


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the cells are Markdown already."""
    lines = [list(titles), ["---"] * len(titles), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def block(language: str, text: str) -> str:
    """A block of code."""
    return f"```{language}\n{text.strip()}\n```\n"
