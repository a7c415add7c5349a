"""The demo, as `make demo` runs it, with fewer events."""

import re

from tests.acceptance.running import outcomes, started
from tests.scratch import folder


async def test_the_demo_ends_with_mastery_now_and_then_and_with_commands_that_work() -> None:
    """Truth and projection agree; a gradebook, the same before its scale changed, a timeline; then what to try oneself."""
    with folder() as path:
        variables = {"OUTCOMES_DATA_FOLDER": str(path), "COLUMNS": "100"}
        async with started(["demo", "--events", "2000"], variables, cold=True) as demo:
            code, out, err = await demo.end(None, seconds=100)
        assert code == 0, err
        for part in (
            "0 differences",
            "14 of 14 checks hold",
            "gradebook --course",
            "before its scale changed",
            "one student's scores",
        ):
            assert part in out, part
        command = re.search(r"outcomes (gradebook --course \d+)$", out, re.MULTILINE)
        assert command is not None
        code, out, err = await outcomes(*command.group(1).split(), OUTCOMES_DATA_FOLDER=str(path / "demo"))
        assert code == 0, err
        assert "mean" in out
