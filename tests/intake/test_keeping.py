"""The spool: what was answered with 2xx while the topic was away is stored, in order, whatever happens meanwhile."""

import asyncio
import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from consumer.errors import Fatal, RecordTooLarge, Transient
from consumer.intake import spool as spooling
from consumer.intake.events import Event
from consumer.intake.gates import Signed
from consumer.intake.keeping import MOST_PAUSE_SECONDS, Keeper
from consumer.intake.keys import KeySet
from consumer.intake.metrics import IntakeMetrics
from consumer.intake.running import _waiting_for
from consumer.intake.spool import Spool, SpoolFull
from tests import scratch
from tests.acceptance.running import until
from tests.intake import canvas
from tests.intake.serving import Held, intake
from tests.samples import result


def event(number: int) -> Event:
    """One of a row."""
    return Event(b'{"number":%d}' % number, (("outcomes-intake", b"https"),))


class Hours:
    """A clock that runs as fast as it is asked."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def sleep(self, seconds: float) -> None:
        """An hour takes milliseconds."""
        self.seconds += seconds
        await asyncio.sleep(0)


async def test_an_outage_of_an_hour_costs_no_event(tmp_path: Path) -> None:
    """Events are kept on disk, and stored in order of arrival once the topic is back, without anybody's help."""
    outlet, hours = Held(Transient("away")), Hours()
    keeper = Keeper(outlet, Spool(tmp_path, 10**6), IntakeMetrics(), sleep=hours.sleep)
    draining = asyncio.create_task(keeper.drain())
    with capture_logs() as logs:
        for number in range(100):
            await keeper.keep(event(number))
    assert [line["spool"] for line in logs if line["event"] == "outlet_away"] == [0]
    await until(lambda: _is(hours.seconds > 3600))
    assert outlet.stored == []
    outlet.error = None
    await until(lambda: _is(not list(tmp_path.glob("*.spool"))))
    assert outlet.stored == [event(number).value for number in range(100)]
    await keeper.keep(event(100))
    assert outlet.stored[-1] == event(100).value
    draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)
    await keeper.close()


async def _is(condition: bool) -> bool:
    return condition


async def test_events_that_come_while_the_spool_drains_wait_their_turn(tmp_path: Path) -> None:
    """Order of arrival holds across the end of an outage."""
    outlet = Held(Transient("away"), seconds=0.01)
    keeper = Keeper(outlet, Spool(tmp_path, 10**6), IntakeMetrics(), sleep=lambda _: asyncio.sleep(0.001))
    for number in range(20):
        await keeper.keep(event(number))
    outlet.error = None
    draining = asyncio.create_task(keeper.drain())
    for number in range(20, 60):
        await keeper.keep(event(number))
    await until(lambda: _is(len(outlet.stored) == 60))
    assert outlet.stored == [event(number).value for number in range(60)]
    draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)
    await keeper.close()


async def test_the_pause_between_two_tries_is_bounded(tmp_path: Path) -> None:
    """However long the topic was away, it is tried again soon."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    keeper = Keeper(Held(Transient("away")), Spool(tmp_path, 10**6), IntakeMetrics(), sleep=sleep)
    await keeper.keep(event(1))
    draining = asyncio.create_task(keeper.drain())
    await until(lambda: _is(len(pauses) > 20))
    draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)
    await keeper.close()
    assert max(pauses) <= 1.5 * MOST_PAUSE_SECONDS


async def test_a_full_spool_answers_503_until_there_is_room(tmp_path: Path) -> None:
    """Nothing that is in it is lost, and /readyz says what is missing."""
    async with intake(tmp_path, spool_bytes=3000, outlet=Held(Transient("away"))) as here:
        answers = [(await here.post(canvas.token(result(id=number))))[0] for number in range(1, 12)]
        kept = answers.count(200)
        assert answers == [200] * kept + [503] * (11 - kept)
        assert 0 < kept < 11
        assert here.keeper.waiting_for
        here.outlet.error = None
        await until(lambda: _is(here.keeper.waiting_for is None and len(here.outlet.stored) == kept))
        assert (await here.post(canvas.token(result(id=99))))[0] == 200


async def test_readyz_names_all_that_is_missing(tmp_path: Path) -> None:
    """The keys and the topic together: who mends one of them would believe that all is well."""

    async def away() -> bytes:
        raise Transient("away")

    keeper, key_set = Keeper(Held(Transient("away")), None, IntakeMetrics()), KeySet(away, tmp_path / "jwks.json")
    with pytest.raises(Transient):
        await keeper.keep(event(1))
    await keeper.close()
    assert _waiting_for(keeper, Signed(key_set, canvas.ISSUER), key_set) == "Canvas' keys and the topic or the database"


async def test_each_queue_says_whether_its_outlet_is_away() -> None:
    """One that can store does not hide another that cannot."""
    metrics = IntakeMetrics()
    for came_in, error in (("sqs:one", Transient("away")), ("sqs:other", None)):
        keeper = Keeper(Held(error), None, metrics, came_in=came_in)
        await keeper.check()
    shown = [metrics.registry.get_sample_value("outcomes_paused", {"came_in": f"sqs:{name}"}) for name in ("one", "other")]
    assert shown == [1, 0]


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "open"])
async def test_a_disk_that_takes_nothing_is_503(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that is not on disk is never answered with 2xx; once the disk has room all is taken again."""
    broken, real = [True], getattr(os, call)

    def fails(*arguments: Any, **more: Any) -> Any:
        if broken[0] and (call != "open" or str(arguments[0]).endswith(".spool")):
            if call == "pwrite":
                real(arguments[0], bytes(arguments[1])[:30], arguments[2])  # a part of it fits
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments, **more)

    async with intake(tmp_path, outlet=Held(Transient("away"))) as here:
        monkeypatch.setattr(os, call, fails)
        assert (await here.post(canvas.token(result(id=1))))[0] == 503
        assert here.keeper.waiting_for
        broken[0] = False
        assert (await here.post(canvas.token(result(id=2))))[0] == 200
        here.outlet.error = None
        await until(lambda: _is(len(here.outlet.stored) == 1))
        assert json.loads(here.outlet.stored[0]) == result(id=2)


async def test_a_record_that_no_topic_takes_does_not_block_the_rest(tmp_path: Path) -> None:
    """It is set aside in a file that the log names; those behind it are stored."""

    class Picky(Held):
        async def put(self, event: Event) -> None:
            if event.value == b'{"number":1}':
                raise RecordTooLarge("too large")
            await super().put(event)

    outlet = Picky(Transient("away"))
    keeper = Keeper(outlet, Spool(tmp_path, 10**6), IntakeMetrics(), sleep=lambda _: asyncio.sleep(0.001))
    for number in range(3):
        await keeper.keep(event(number))
    outlet.error = None
    draining = asyncio.create_task(keeper.drain())
    await until(lambda: _is(len(outlet.stored) == 2))
    draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)
    await keeper.close()
    refused = tmp_path / "refused.ndjson"
    assert refused.exists()
    assert refused.read_bytes() == b'{"number":1}\n'


def test_a_folder_belongs_to_one_process(tmp_path: Path) -> None:
    """A second intake is told to take another one."""
    spool = Spool(tmp_path, 1000)
    with pytest.raises(Fatal, match="another intake uses"):
        Spool(tmp_path, 1000)
    spool.close()
    Spool(tmp_path, 1000).close()


def test_a_folder_that_cannot_be_written_is_fatal(tmp_path: Path) -> None:
    """One sentence, when it starts."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Fatal, match="cannot be used"):
        Spool(tmp_path / "file", 1000)


def everything(spool: Spool) -> list[bytes]:
    """Takes all out of it."""
    found: list[bytes] = []
    while some := spool.oldest(100):
        found += some
        spool.stored(some)
    return found


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=12), st.data())
def test_what_was_cut_in_the_middle_is_cut_off(payloads: list[bytes], data: st.DataObject) -> None:
    """However the last file ends, every record before is there, and the spool goes on."""
    with pytest.MonkeyPatch.context() as patched, scratch.folder() as folder:
        patched.setattr(spooling, "FILE_BYTES", 100)
        spool = Spool(folder, 10**6)
        for payload in payloads:
            spool.append([payload])
        spool.close()
        last = max(folder.glob("*.spool"))
        whole = last.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        tail = data.draw(st.binary(max_size=20))
        last.write_bytes(whole[:cut] + tail)
        again = Spool(folder, 10**6)
        again.append([b"new"])
        found = everything(again)
        again.close()
        before = len(payloads) - sum(1 for _ in _records(whole))
        assert found[:before] == payloads[:before]
        assert found[-1] == b"new"
        assert [one for one in found[:-1] if one not in payloads] == []
        assert not list(folder.glob("*.spool"))


def _records(data: bytes) -> Any:
    while data:
        length = int.from_bytes(data[:4])
        yield data[8 : 8 + length]
        data = data[8 + length :]


WRITER = """
import sys
from pathlib import Path
from consumer.intake.spool import Spool
spool = Spool(Path(sys.argv[1]), 10**9)
for number in range(10**9):
    spool.append([b"%d" % number, b"x" * 500])
    print(number, flush=True)
"""


def test_what_was_on_disk_is_there_after_a_kill(tmp_path: Path) -> None:
    """Every record of which the writer has said so, in order, and none is broken."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    said = [int(process.stdout.readline()) for _ in range(30)]
    process.kill()
    said += [int(line) for line in process.stdout.read().split() if line]
    process.wait()
    process.stdout.close()
    spool = Spool(tmp_path, 10**9)
    found = everything(spool)
    spool.close()
    numbers = [int(one) for one in found if one != b"x" * 500]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > said[-1]


def test_the_bound_holds_over_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored makes room, one file after the other."""
    monkeypatch.setattr(spooling, "FILE_BYTES", 200)
    spool = Spool(tmp_path, 1000)
    for _ in range(9):
        spool.append([b"x" * 100])
    with pytest.raises(SpoolFull):
        spool.append([b"x" * 100])
    assert sum(path.stat().st_size for path in tmp_path.glob("*.spool")) == spool.bytes <= 1000
    for _ in range(2):
        spool.stored(spool.oldest(1))
    spool.append([b"y" * 100])
    assert everything(spool)[-1] == b"y" * 100
    spool.close()
