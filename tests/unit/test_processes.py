"""The parent of several processes, over small programs in the place of workers."""

import asyncio
import os
import re
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from structlog.testing import capture_logs

from consumer import app
from consumer.cores import usable_cores
from consumer.environment import load
from consumer.errors import Fatal
from consumer.ingest.batch import Books, Partition
from consumer.settings import Settings
from consumer.worker import processes
from consumer.worker.metrics import Metrics, merged
from consumer.worker.processes import End, Processes
from tests.acceptance.running import until
from tests.samples import NOON

T = TypeVar("T")

MEMBER = """
import json, os, signal, socket, sys, time
number, folder, parent = int(sys.argv[2]), sys.argv[1], socket.socket(fileno=0)
open(f"{folder}/{number}-{os.getpid()}", "w").close()
started = len([name for name in os.listdir(folder) if name.startswith(f"{number}-")])
def say(**said): parent.sendall(json.dumps(said).encode() + b"\\n")
def ready(**said): say(**{"alive": True, "waiting_for": None, "metrics": "# TYPE a gauge\\na 1.0\\n", **said})
def books(n): say(books={"applied": n}, unfinished=None)
def end(*_): books(1); sys.exit()
def on():
    while True: ready(); time.sleep(0.02)
signal.signal(signal.SIGTERM, end)
"""
"""What members say; `started`: the how many of its number this process is."""


class Family:
    """A parent whose members run `code`."""

    def __init__(self, folder: Path, code: str, count: int = 1, *, until_end: bool = False) -> None:
        self.folder = folder

        def command(number: int) -> Sequence[str]:
            return [sys.executable, "-S", "-I", "-c", MEMBER + code, str(folder), str(number)]

        self.parent = Processes(command, count, until_end=until_end)

    def started(self, number: int = 1) -> int:
        """How many processes there were in this place."""
        return len(list(self.folder.glob(f"{number}-*")))

    def run(self, then: Callable[[], Awaitable[None]] | None = None) -> list[End]:
        """To its end; `then` happens meanwhile, and stops it."""

        async def both() -> list[End]:
            running = asyncio.create_task(self.parent.run())
            if then is not None:
                await then()
                self.parent.stop()
            done, _ = await asyncio.wait({running}, timeout=10)
            assert done, "somebody was left behind"
            return running.result()

        return app.run(both())

    def left(self) -> list[int]:
        """Those that still run."""
        pids = [int(path.name.partition("-")[2]) for path in self.folder.iterdir()]
        return [pid for pid in pids if Path(f"/proc/{pid}").exists()]

    async def ready(self) -> bool:
        """As `/readyz` says."""
        return self.parent.waiting_for is None


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "AGAIN_SECONDS", 0.001)


def test_who_dies_is_started_again_while_the_others_go_on(tmp_path: Path) -> None:
    """Also who ends in good order without the parent's having asked for it. Deaths are counted."""
    family = Family(tmp_path, "if number == 1 and started < 3: end() if started == 2 else os.kill(os.getpid(), 9)\non()", 2)
    with capture_logs() as logs:
        ends = family.run(lambda: until(family.ready))
    assert [end.books for end in ends] == [Books(1), Books(1), Books(1)]
    assert (family.started(1), family.started(2)) == (3, 1)
    assert b'outcomes_process_deaths_total{process="1"} 2.0' in family.parent.metrics()
    died = [(line["process"], line["exit_code"]) for line in logs if line["event"] == "process_ended"]
    assert died == [(1, -9), (1, 0)]


def test_who_has_died_is_not_ready_and_shows_no_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is started again. A stop does not wait for that."""
    monkeypatch.setattr(processes, "AGAIN_SECONDS", 60)
    go = tmp_path.with_suffix(".go")
    family = Family(tmp_path, f"while not os.path.exists({str(go)!r}): ready()\nsys.exit(3)")
    shown: list[bytes] = []

    async def waits() -> bool:
        return family.parent.waiting_for == "process 1"

    async def dies() -> None:
        await until(family.ready)
        shown.append(family.parent.metrics())
        go.touch()
        await until(waits, 8)
        shown.append(family.parent.metrics())

    family.run(dies)
    assert [b'\na{process="1"} 1.0\n' in text for text in shown] == [True, False]


def test_who_dies_again_and_again_ends_all(tmp_path: Path) -> None:
    """After five tries, each later than the one before. The others end in good order."""
    family = Family(tmp_path, "sys.exit(3) if number == 1 else on()", 2)
    with capture_logs() as logs, pytest.raises(Fatal, match="process 1 of the worker ends again and again, last with 3"):
        family.run()
    assert family.started(1) == 6
    pauses = [line["again_in_seconds"] for line in logs if line["event"] == "process_ended"]
    assert pauses == [0.001, 0.002, 0.004, 0.008, 0.016]
    assert not family.left()


def test_who_lived_for_long_may_die_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only deaths in a row count."""
    monkeypatch.setattr(processes, "HEALTHY_SECONDS", 0.0)
    family = Family(tmp_path, "sys.exit(3) if started < 9 else on()")
    family.run(lambda: until(family.ready))
    assert family.started() == 9


@pytest.mark.parametrize(
    ("code", "sentence"),
    [("say(refusal='no such database')", "no such database"), ("sys.exit(2)", "process 1 of the worker cannot go on")],
    ids=["tells its parent", "has printed it"],
)
def test_the_first_error_that_waiting_does_not_mend_ends_all(tmp_path: Path, code: str, sentence: str) -> None:
    """With its sentence, and nobody is started again."""
    family = Family(tmp_path, f"{code} if number == 1 else on()", 2)
    with pytest.raises(Fatal, match=sentence):
        family.run()
    assert (family.started(1), family.left()) == (1, [])
    assert family.started(2) <= 1


def test_who_cannot_be_started_ends_all() -> None:
    """As where the program was taken away under the parent."""
    with pytest.raises(Fatal, match="process 1 of the worker cannot be started: No such file or directory"):
        app.run(Processes(lambda _: ["/no/such/program"], 1).run())


@pytest.mark.parametrize(
    ("code", "seconds"),
    [("time.sleep(60)", 0.02), ("ready(alive=False, waiting_for='x'); time.sleep(60)", 1)],
    ids=["silent", "standing still"],
)
def test_who_is_stuck_is_killed_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, seconds: float
) -> None:
    """Who says nothing for sixty reports, or says that its loops stand still; the parent sees to it, and is alive."""
    monkeypatch.setattr(processes, "REPORT_SECONDS", seconds)
    family = Family(tmp_path, f"if started == 1: {code}\non()")
    with capture_logs() as logs:
        family.run(lambda: until(family.ready))
    assert [line["event"] for line in logs][:2] == ["process_stuck", "process_ended"]
    assert family.parent.alive()


def test_who_does_not_end_when_asked_to_is_killed_once_it_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that is stopped while it stands still keeps nobody waiting for ever."""
    monkeypatch.setattr(processes, "REPORT_SECONDS", 0.01)
    family = Family(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN); ready(); time.sleep(60)")
    assert family.run(lambda: until(family.ready)) == []


def test_who_hangs_while_it_exits_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has said that it is done and has closed all that it had open; nobody waits for it for ever."""
    monkeypatch.setattr(processes, "EXIT_SECONDS", 0.2)
    family = Family(tmp_path, "books(3); parent.close(); os.closerange(3, 1000); time.sleep(60)", until_end=True)
    with capture_logs() as logs:
        assert [end.books.applied for end in family.run()] == [3]
    assert [line["event"] for line in logs] == ["process_stuck"]
    assert not family.left()


def test_a_stop_reaches_who_is_just_being_started(tmp_path: Path) -> None:
    """Nobody is left behind."""
    family = Family(tmp_path, "on()")
    command = family.parent._command

    def stopped_meanwhile(number: int) -> Sequence[str]:
        family.parent.stop()
        return command(number)

    family.parent._command = stopped_meanwhile
    family.run()
    assert not family.left()


def test_with_until_end_each_ends_by_itself_and_the_books_are_added_up(tmp_path: Path) -> None:
    """Who is killed begins again. A line without its end is what a kill has left, and nobody's books."""
    half = """{"books": {"applied": 9}, "unfinished": null}"""
    code = f"if number == 1 and started == 1: parent.sendall(b'{half}'); os.kill(os.getpid(), 9)\nbooks(number)"
    assert Family(tmp_path, code, 2, until_end=True).run() == [End(Books(1), None), End(Books(2), None)]


def test_a_member_whose_parent_is_gone_stops_and_may_still_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says at its end goes nowhere, and raises no error."""
    parent, own = socket.socketpair()
    monkeypatch.setattr(os, "dup", lambda _: own.detach())
    stopped = asyncio.Event()

    async def member() -> None:
        async with processes.reporting(dict, stopped.set) as say:
            parent.close()
            await asyncio.wait_for(stopped.wait(), 10)
            await asyncio.sleep(0.01)  # until the loop has closed its end
            say(books={})

    with capture_logs() as logs:
        app.run(member())
    assert [line["event"] for line in logs] == ["parent_gone"]


def test_not_ready_while_one_is_not(tmp_path: Path) -> None:
    """The reason is that of the first."""
    family = Family(tmp_path, "while True: ready(waiting_for='kafka' if number == 2 else None); time.sleep(0.02)", 2)

    async def waits() -> bool:
        return family.parent.waiting_for == "kafka"

    family.run(lambda: until(waits))


def test_metrics_of_several_processes_are_one_text() -> None:
    """Each family once, each number with the process that it is of; who has said nothing yet is left out."""
    metrics = Metrics()
    metrics.wrote(Books(applied=3), 0.2, ["not_json"], None, None)
    metrics.lag({Partition("topic", 0): 7})
    text = metrics.render(NOON, ready=True).decode()
    once, twice = (merged(texts).decode() for texts in ({"1": text, "2": ""}, {"1": text, "2": text}))
    assert re.sub(r'\{process="1"\}|,process="1"|process="1",', "", once) == text
    assert len(twice.splitlines()) == len([*text.splitlines(), *re.findall("^[^#]", text, re.MULTILINE)])


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "6400000 100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
    ],
)
def test_auto_is_the_number_of_usable_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: int
) -> None:
    """Those that the process may run on, or the quota of its container if that is less."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    own = tmp_path / "own"
    own.write_text("0::/here\n" if "cpu.max" in files else "4:cpu,cpuacct:/\n")
    for name, text in files.items():
        path = tmp_path / "here" / name if "cpu.max" in files else tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert usable_cores(own, tmp_path) == cores


def test_the_setting_takes_auto() -> None:
    """And a number, as text or not."""
    assert load(processes="auto").processes == usable_cores()
    assert (load(processes="3").processes, Settings().processes) == (3, 1)
