"""What README, CONTRIBUTING and docs/ show is so."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from consumer.engines.kafka import free_port
from tests.acceptance.running import environment
from tests.documents import PAGES, ROOT, RUN, Command, anchors, commands, links, matches
from tests.forking import warm_outcomes

_MARK = "==mark=="
_ASKED = "curl --silent --fail --output answer http://127.0.0.1:$OUTCOMES_SERVE_PORT/livez"
_SECONDS = 300


def _script(found: list[Command], replaced: dict[str, str]) -> str:
    """Bash that prints a mark and an exit code behind each command, and stops where the code is another."""
    lines = []
    for number, command in enumerate(found):
        text = command.text
        for name, own in replaced.items():
            text = text.replace(name, own)
        if command.background:
            log = f"background-{number}"
            lines.append(f"{text.partition(' #')[0]} >{log} 2>&1 &")
            lines.append(f"for wait in $(seq 300); do [ -s {log} ] || {_ASKED} && break; sleep 0.1; done")
        else:
            lines.append(text)
        lines.append(f"code=$?; printf '\\n%s %s\\n' {_MARK} $code; [ $code = {command.code} ] || exit")
    return "\n".join(lines)


@pytest.mark.timeout(_SECONDS)
@pytest.mark.parametrize("page", [page for page in RUN if commands(page)], ids=lambda page: str(page.relative_to(ROOT)))
async def test_what_a_page_shows_is_what_happens(
    page: Path, unchecked_database: str, kafka_bootstrap: str, topic: Callable[..., Awaitable[str]], tmp_path: Path
) -> None:
    """Each block runs and prints what stands below it, or says why it does not run."""
    found = commands(page)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (tmp_path / "schemas").symlink_to(ROOT / "schemas")
    serve, intake = free_port(), free_port()
    replaced = {
        "postgresql://owner@db.example.edu/outcomes": unchecked_database,
        "kafka.example.edu:9092": kafka_bootstrap,
        "canvas-live-events": await topic(1),
        "127.0.0.1:8000": f"127.0.0.1:{serve}",
        "127.0.0.1:8100": f"127.0.0.1:{intake}",
        "--http-port 8101": f"--http-port {free_port()}",
    }
    variables = environment(
        DATABASE_URL=unchecked_database,
        KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap,
        OUTCOMES_TOPIC=replaced["canvas-live-events"],
        OUTCOMES_GROUP_ID=tmp_path.name,
        OUTCOMES_HTTP_PORT="0",
        OUTCOMES_INTAKE_PORT=str(intake),
        OUTCOMES_SERVE_PORT=str(serve),
        COLUMNS="200",
        PATH=f"{tmp_path}/warm:{Path(sys.executable).parent}:{os.environ['PATH']}",
    )
    script = _script(found, replaced)
    if page.name == "README.md":  # once the installed command, with its cold start
        script = f"{Path(sys.executable).with_name('outcomes')} --version >version || exit\n{script}"
    server = warm_outcomes(tmp_path / "warm")
    variables["FORK_SERVER"] = str(server)
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", script),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=variables,
        cwd=tmp_path,
        pass_fds=[server],
        start_new_session=True,
    )
    try:
        out, err = await shell.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)
    parts = re.split(rf"\n{_MARK} (\d+)\n", out.decode())
    for command, printed, code in zip(found, parts[::2], parts[1::2], strict=False):
        assert int(code) == command.code, f"{command.text}\n{printed}\n{err.decode()[-2000:]}"
        assert not command.shown or matches(command.shown, printed), f"{command.text} printed\n{printed}"
    assert len(parts) // 2 == len(found), err.decode()[-2000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    """To a file of the repository, and to a heading in it."""
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: there is no such heading"
