"""The README's table of settings: `python -m tests.readme` writes it, a test compares it."""

from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from consumer.settings import PREFIX, Settings

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- settings -->\n", "<!-- end of settings -->\n"


def _default(value: Any) -> str:
    if value is None or value is PydanticUndefined:
        return ""
    return f"`{','.join(value) if isinstance(value, tuple) else value}`"


def table() -> str:
    """A row for each setting, from its own words."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_default(field.default)} | {' '.join((field.description or '').split())} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows, ""])


def written() -> str:
    """The README with today's table in it."""
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + "\n" + table() + "\n" + END + after


if __name__ == "__main__":
    README.write_text(written(), encoding="utf-8")
