"""The demo, as `make demo` runs it, with fewer events."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from consumer.commands import demo as demos
from consumer.commands.demo import TAKES
from consumer.errors import Transient
from tests.acceptance.running import outcomes, started, until
from tests.forking import ROOT
from tests.scratch import folder

LINES = 60
"""Of a terminal with 100 columns."""


async def test_an_intake_that_ends_by_itself_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the place of its log."""
    log = tmp_path / "intake.log"

    async def refused() -> bool:
        return "writes to one topic" in log.read_text()

    async def deliver(*_: Any, **__: Any) -> None:
        await until(refused)
        await asyncio.sleep(0.5)  # it ends
        raise Transient("no answer")

    monkeypatch.setattr(demos, "deliver", deliver)
    with pytest.raises(demos.DemoFailed, match=f"its log is {log}"):
        await demos._post(tmp_path, "127.0.0.1:9", "one,two", [{"metadata": {}, "body": {}}])


@pytest.mark.timeout(240)  # seven seconds of processor time
async def test_the_demo_fits_a_terminal_and_ends_with_what_to_look_at() -> None:
    """Truth and projection agree, a score is explained, a page loads nothing; then the command that serves it all."""
    with folder() as path:
        variables = {"OUTCOMES_DATA_FOLDER": str(path), "COLUMNS": "100"}
        async with started(["demo", "--events", "2000"], variables, cold=True) as demo:
            code, out, err = await demo.end(None, seconds=200)
        assert code == 0, err
        assert sum(max(1, -(-len(line) // 100)) for line in out.splitlines()) <= LINES, out
        for part in ("0 differences", "38 of 38 checks hold", "why a score is what it is", "score: "):
            assert part in out, part
        assert out.splitlines()[0].startswith("A school is simulated")
        assert f"This takes {TAKES}" in out.splitlines()[0]
        assert re.search(r"^The demo itself took \d+ s\.", out, re.MULTILINE)
        assert f"Takes {TAKES}." in (await outcomes("demo", "--help"))[1]
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert f"demo: $(VENV)/installed ## {TAKES}: " in makefile
        assert makefile.index('@echo "Installing') < makefile.index("-m venv $(VENV)")  # said before it takes its time
        assert not re.search(r"\b(told|poison)\b", out)
        page = next(Path(line.strip()) for line in out.splitlines() if line.endswith(".html")).read_text(encoding="utf-8")
        assert "Learning mastery gradebook" in page
        assert not re.search(r"(src|href)=(?!\"(#|data:))|url\(|@import|<script", page)
        assert re.search(rf"OUTCOMES_DATA_FOLDER={path}/demo \S*outcomes serve$", out, re.MULTILINE)
        assert re.search(r"It asks for a token: outcomes_\S{40,}$", out, re.MULTILINE)
        command = re.search(r"outcomes (gradebook --course \d+ --at \S+)$", out, re.MULTILINE)
        assert command is not None
        code, out, err = await outcomes(*command.group(1).split(), OUTCOMES_DATA_FOLDER=str(path / "demo"))
        assert code == 0, err
        assert "mean" in out
