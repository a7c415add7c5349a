"""What people see while and after a command runs: on a terminal, and in a pipe."""

import asyncio
import gzip
import json
import os
import pty
import re
import sys
from pathlib import Path

from consumer.ingest.batch import Partition
from tests.acceptance.running import environment, outcomes, outcomes_json
from tests.acceptance.test_replay import ndjson
from tests.acceptance.test_worker import stream
from tests.forking import ROOT
from tests.postgres.writing import write
from tests.samples import TENANT, event, result, scale

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


async def on_a_terminal(*arguments: str, **variables: str) -> tuple[int, str]:
    """Runs a command whose stdout and stderr are one terminal of 80 columns; its exit code, and all that the terminal got."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "consumer", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=environment(**{"TERM": "xterm", "COLUMNS": "80"} | variables),
        cwd=ROOT,
    )
    os.close(theirs)
    got = bytearray()

    def read() -> None:
        try:
            while data := os.read(ours, 65536):
                got.extend(data)
        except OSError:  # how Linux tells the end of a terminal
            pass

    reading = asyncio.create_task(asyncio.to_thread(read))
    code = await process.wait()
    await reading
    os.close(ours)
    return code, got.decode()


async def test_no_log_line_is_written_into_the_progress_bar(database: str, tmp_path: Path) -> None:
    """On a terminal each begins a line of its own, whole, above the bar."""
    for name in ("a", "b", "[red]c\x1b[2J"):  # a name is shown, and nothing in it obeyed
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(ndjson(stream(900, seed=len(name) + ord(name[0])))))
    code, got = await on_a_terminal("replay", str(tmp_path), DATABASE_URL=database, OUTCOMES_BATCH_SIZE="100")
    assert code == 0, got
    assert "━" in got  # there was a bar
    assert "[red]c\\x1b[2J.gz" in got
    assert "\x1b[2J" not in got
    plain = _ESCAPE.sub("", got)
    logged = [found.start() for found in re.finditer(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[info", plain)]
    assert len(logged) == 3
    for start in logged:
        assert plain[start - 1] in "\r\n", plain[start - 80 : start + 40]
        line = plain[start:].partition("\n")[0]
        assert "━" not in line
        assert "consumed=" in line
        assert "seconds=" in line


async def test_in_a_pipe_there_is_no_bar(database: str, tmp_path: Path) -> None:
    """The log tells of each file, a line of JSON each, and stderr holds nothing else."""
    (tmp_path / "a").write_bytes(ndjson([result(1)]))
    code, _, err = await outcomes("replay", str(tmp_path / "a"), DATABASE_URL=database)
    assert code == 0
    assert [json.loads(line)["event"] for line in err.splitlines()] == ["file"]


async def test_a_replay_that_quarantined_something_says_where_to_look(database: str, tmp_path: Path) -> None:
    """With a filter that shows just that; of several files, one for all; of a dry run nothing is kept, so nothing is shown."""
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(ndjson([result(ord(name))]) + b"{" + name.encode() + b"\n")
    (tmp_path / "good").write_bytes(ndjson([result(1)]))
    hint = "outcomes quarantine list"
    _, _, err = await outcomes("replay", str(tmp_path / "a"), "--dry-run", DATABASE_URL=database)
    assert hint not in err
    _, _, err = await outcomes("replay", str(tmp_path / "good"), DATABASE_URL=database)
    assert hint not in err
    _, _, err = await outcomes("replay", str(tmp_path / "a"), str(tmp_path / "good"), DATABASE_URL=database)
    found = re.search(r"outcomes (quarantine list --source file:[0-9a-f]{32})$", err, re.MULTILINE)
    assert found is not None, err
    _, _, err = await outcomes("replay", str(tmp_path), DATABASE_URL=database)  # `b` alone is new
    assert re.search(r"outcomes quarantine list --source file:", err)
    rows = await outcomes_json(*found[1].split(), DATABASE_URL=database)
    assert [row["label"] for row in rows] == [str(tmp_path / "a")]
    _, out, err = await outcomes("replay", "--again", str(tmp_path), DATABASE_URL=database)
    assert re.search(r"outcomes quarantine list$", err, re.MULTILINE)
    assert "2 quarantined" in out


async def test_superseded_is_defined_where_people_read_it(database: str, tmp_path: Path) -> None:
    """In the summary of a replay, in the status and in the help of both; an older version of the same batch is one too."""
    meaning = "superseded: a new version of an object, older than one that was known already or came in the same batch"
    (tmp_path / "none").write_bytes(ndjson([result(2)]))
    _, _, err = await outcomes("replay", str(tmp_path / "none"), DATABASE_URL=database)
    assert "superseded:" not in err
    (tmp_path / "a").write_bytes(ndjson([result(1, minute=1), result(1, minute=2)]))
    _, out, err = await outcomes("replay", str(tmp_path / "a"), DATABASE_URL=database)
    assert "1 applied · 1 superseded" in out
    assert f"{meaning}\n" in err
    _, out, _ = await outcomes("status", "--no-lag", DATABASE_URL=database)
    assert f"({meaning})\n" in out
    for command in ("replay", "status"):
        _, text, _ = await outcomes(command, "--help")
        assert "superseded (a new version, but older than one that was known already or came in the same batch)" in (
            " ".join(text.split())
        ), command


async def test_nothing_is_wrapped_in_a_pipe(database: str) -> None:
    """Whatever a command tells: each line is as long as what it says, and none ends in blanks."""
    name = " ".join(["A level whose name is longer than a line"] * 5)
    await write(database, scale(4, 3, 0), scale(10, 7, 0, minute=5, description=name), b"{")
    await write(database, result(1, title=name), partition=Partition("file:" + "0" * 32, 0))
    for arguments in (
        ("status", "--no-lag"),
        ("history", "scale", "1"),
        ("history", "result", "1"),
        ("explain", "scale", "1"),
        ("verify",),
        ("quarantine", "list"),
        ("gradebook", "--course", "7"),
        ("replay", str(ROOT / "tests" / "payloads")),
    ):
        _, out, _ = await outcomes(*arguments, DATABASE_URL=database, COLUMNS="")
        if arguments[0] != "replay":  # which tells of other numbers the second time
            for columns in ("", "80", "9000") if arguments[0] != "gradebook" else ("", "9000"):  # whose tables go by COLUMNS
                assert (await outcomes(*arguments, DATABASE_URL=database, COLUMNS=columns))[1] == out, (arguments, columns)
        assert [line for line in out.splitlines() if line != line.rstrip()] == [], arguments
    _, out, _ = await outcomes("history", "scale", "1", DATABASE_URL=database)
    assert max(map(len, out.splitlines())) > 200
    _, out, _ = await outcomes("explain", "scale", "1", DATABASE_URL=database)
    assert "\nRepeated records are counted as duplicates, not kept one by one: each version shows the record" in out
    assert out.endswith(" that brought it first.\n")
    assert TENANT in out
    assert event("course_created")["metadata"]["root_account_uuid"] == TENANT


async def test_a_long_line_is_wrapped_on_a_terminal(database: str) -> None:
    """Where it is read, not searched."""
    await write(database, scale(4, 3, 0), scale(10, 7, 0, minute=5))
    _, got = await on_a_terminal("explain", "scale", "1", DATABASE_URL=database)
    lines = [line.rstrip("\r") for line in _ESCAPE.sub("", got).split("\n")]
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("Repeated records are counted") for line in lines)
