"""Standard streams as shells and terminals give them: closed, full, in another encoding, read by nobody."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.acceptance.running import environment, outcomes
from tests.forking import ROOT
from tests.postgres.writing import write
from tests.samples import event, result


async def shell(line: str, **variables: str) -> tuple[int, str, str]:
    """Runs a line of bash, in which `outcomes` is the command; returns exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", f'set -o pipefail; outcomes() {{ "{sys.executable}" -m consumer "$@"; }}; {line}'),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(**variables),
        cwd=ROOT,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
async def test_a_closed_stream_is_as_one_to_nowhere(database: str, tmp_path: Path, closed: str) -> None:
    """No socket takes its number, and what is written is written with exit code 0."""
    (tmp_path / "events").write_text(json.dumps(result(1)))
    code, _, err = await shell(f"outcomes replay '{tmp_path}/events' {closed}", DATABASE_URL=database)
    assert (code, "Traceback" in err) == (0, False), err
    assert "1 consumed" in (await outcomes("status", "--no-lag", DATABASE_URL=database))[1]


@pytest.mark.parametrize(
    "arguments", ["status --no-lag", "simulate", "quarantine show 1", "quarantine show 1 --json", "--help"]
)
async def test_a_full_disk_is_one_sentence(database: str, arguments: str) -> None:
    """Be the answer long or short: at the last moment too, nothing is complained about besides."""
    await write(database, b"x" * 100_000)
    code, _, err = await shell(f"outcomes {arguments} >/dev/full", DATABASE_URL=database)
    assert (code, err) == (2, "outcomes: stdout: No space left on device\n")


@pytest.mark.parametrize(("ending", "events"), [("", "20"), ("", "5000"), (".gz", "5000"), (".zst", "20")])
async def test_a_capture_or_truth_that_finds_the_disk_full_is_named(tmp_path: Path, ending: str, events: str) -> None:
    """In one sentence, with its path."""
    full = tmp_path / f"full{ending}"
    full.symlink_to("/dev/full")
    for files in (("--to", str(full)), ("--to", str(tmp_path / "capture"), "--truth", str(full))):
        code, out, err = await outcomes("simulate", "--events", events, *files)
        assert (code, out, err) == (2, "", f"outcomes: {full}: No space left on device\n")


@pytest.mark.parametrize("arguments", ["simulate --events 20000", "simulate --events 20000 --to /dev/stdout", "--help"])
async def test_a_reader_that_has_seen_enough_ends_the_command_in_silence(arguments: str) -> None:
    """As with `| head`."""
    assert await shell(f"outcomes {arguments} | true") == (1, "", "")


@pytest.mark.parametrize(
    ("encoding", "others"),
    [("latin-1", ()), ("ascii:strict", ("status --no-lag", "verify", "simulate --events 10"))],
)
async def test_an_answer_is_written_in_any_encoding(database: str, encoding: str, others: tuple[str, ...]) -> None:
    """What it has no character for is escaped; JSON is UTF-8 everywhere, as machines expect."""
    await write(database, event("course_updated", name="Größe — 5"), b'"\xe2\x80\x94"')
    for arguments in others:
        code, _, err = await shell(f"outcomes {arguments} | cat -v", DATABASE_URL=database, PYTHONIOENCODING=encoding)
        assert (code, "Traceback" in err) == (1 if "status" in arguments else 0, False), err
    code, out, _ = await shell("outcomes quarantine show 1", DATABASE_URL=database, PYTHONIOENCODING=encoding)
    assert (code, r'"\u2014"' in out) == (0, True)
    code, out, _ = await shell("outcomes quarantine show 1 --json", DATABASE_URL=database, PYTHONIOENCODING=encoding)
    assert (code, json.loads(out)["raw"]) == (0, '"—"')
