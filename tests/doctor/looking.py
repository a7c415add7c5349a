"""The doctor in the test's own process."""

from collections.abc import Collection
from typing import Any

from consumer.doctor.checks import Check
from consumer.doctor.examining import Question, examine
from consumer.environment import load

AWAY = "127.0.0.1:9"
"""Where nobody listens."""


async def checked(skip: Collection[str], dsn: str = f"postgresql://nobody@{AWAY}/none", **flags: Any) -> list[Check]:
    """All checks but these. `flags`: settings, and fields of `Question`."""
    asked = {name: flags.pop(name) for name in Question.__dataclass_fields__ if name in flags}
    found = await examine(load(**flags), dsn, Question(skip=frozenset(skip), **asked))
    return [check for check in found.checks if check.state != "skipped"]
