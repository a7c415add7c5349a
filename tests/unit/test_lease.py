"""What was read under a lease is handed over and written by that lease, and by none once it has ended."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

import consumer.worker
from consumer.errors import Transient
from consumer.ingest.batch import Books, Partition
from consumer.ingest.records import RawRecord
from consumer.store.retrying import retrying
from consumer.worker.partitions import Lease, LeaseEnded, Means, Phase, Read

ONE, TWO = Partition("topic", 0), Partition("topic", 1)


@dataclass
class Recorded:
    """Stands for the client and the database: records what it is asked, and runs `meanwhile` before it answers."""

    meanwhile: Callable[[], None] = lambda: None
    asked: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        async def later(*_: Any) -> Any:
            self.meanwhile()
            return {"bounds": {ONE: (0, 9), TWO: (0, 9)}, "write": {ONE: Books(applied=1)}}.get(name)

        def now(*arguments: Any) -> Any:
            self.asked.append(name)
            return later(*arguments) if name in ("bounds", "fetch", "stage_next", "write") else 0

        return now


def granted(recorded: Recorded) -> Lease:
    """A lease of two partitions, the first of which has been read to 5."""
    idle = asyncio.Event()
    idle.set()
    means = Means(cast(Any, recorded), cast(Any, recorded), asyncio.Queue(1), idle)
    lease = Lease(means, [ONE, TWO], heard=0.0, member=True)
    lease.begin({ONE: 5}, [TWO])
    recorded.asked.clear()
    return lease


def read(lease: Lease) -> Read:
    """The next three records of the first partition."""
    it = Read(lease)
    it.advance(ONE, 8)
    return it


async def test_what_was_read_under_a_lease_that_has_ended_is_neither_staged_nor_handed_over_nor_written() -> None:
    """The next owner reads it again."""
    recorded = Recorded()
    lease = granted(recorded)
    it, means = read(lease), lease.means()
    lease.end()
    recorded.asked.clear()
    for late in (it.stage, it.write):
        with pytest.raises(LeaseEnded):
            await late()
    with pytest.raises(LeaseEnded):
        it.hand_over()
    assert recorded.asked == []
    assert means.handed.empty()
    assert means.idle.is_set()


async def test_what_was_handed_over_before_a_lease_ends_is_not_written_after() -> None:
    """Also where it waits in the queue."""
    recorded = Recorded()
    lease = granted(recorded)
    means = lease.means()
    read(lease).hand_over()
    lease.end()
    with pytest.raises(LeaseEnded):
        await (await means.handed.get()).write()
    assert "write" not in recorded.asked


async def test_a_write_that_failed_is_not_tried_again_once_its_lease_has_ended() -> None:
    """The database may be away for long, and somebody else own the partition by then."""
    recorded = Recorded()
    lease = granted(recorded)

    def fail_once() -> None:
        recorded.meanwhile = lambda: None
        lease.end()
        raise Transient("away")

    recorded.meanwhile = fail_once
    with pytest.raises(LeaseEnded):
        await retrying(read(lease).write, on_failure=lambda *_: None, first_seconds=0, jitter=lambda: 0)
    assert recorded.asked.count("write") == 1


async def test_a_transaction_under_way_is_finished_when_its_lease_ends() -> None:
    """And its position is known: it is what is committed to Kafka before the partition goes."""
    recorded = Recorded()
    lease = granted(recorded)
    recorded.meanwhile = lease.end
    assert await read(lease).write() == {ONE: Books(applied=1)}
    assert lease.written() == {ONE: 8}


async def test_no_answer_counts_that_comes_after_the_end() -> None:
    """Records that were fetched, and bounds by which partitions would begin."""
    for ask in ("fetch", "bounds"):
        recorded = Recorded()
        lease = granted(recorded)
        recorded.meanwhile = lease.end
        with pytest.raises(LeaseEnded):
            await (lease.fetch(1, 0) if ask == "fetch" else lease.bounds([ONE]))
        assert recorded.asked == [ask, "discard_staged"]


async def test_a_lease_that_has_ended_moves_no_client() -> None:
    """Another lease may have placed it already."""
    recorded = Recorded()
    lease = granted(recorded)
    lease.end()
    recorded.asked.clear()
    with pytest.raises(LeaseEnded):
        lease.begin({TWO: 0}, [])
    with pytest.raises(LeaseEnded):
        lease.rewind()
    assert recorded.asked == []
    assert list(lease.of(Phase.LEADERLESS)) == [TWO]


async def test_what_was_staged_is_dropped_with_its_lease() -> None:
    """Once; a lease ends for good."""
    recorded = Recorded()
    lease = granted(recorded)
    lease.end()
    lease.end()
    assert recorded.asked == ["discard_staged"]


async def test_what_is_staged_although_its_lease_has_just_ended_is_dropped_too() -> None:
    """When the lease ended, the connection for the stages was still being made: there was nothing to drop yet."""
    recorded = Recorded()
    lease = granted(recorded)
    recorded.meanwhile = lease.end
    await read(lease).stage()
    assert recorded.asked == ["stage_next", "discard_staged", "discard_staged"]


async def test_partitions_that_come_back_begin_at_the_databases_position() -> None:
    """Nothing of the lease before is known to the next one."""
    recorded = Recorded()
    before = granted(recorded)
    after = Lease(before.means(), before.owned, heard=0.0, member=True)
    assert list(after.of(Phase.LOCATING)) == [ONE, TWO]
    assert Read(after).take(ONE, [RawRecord(*ONE, 8, b"")]) == []
    assert after.written() == {}


def test_nothing_in_the_workers_room_writes_but_what_was_read_under_a_lease() -> None:
    """`Store.write` and `Store.stage_next` are called in one file."""
    room = Path(consumer.worker.__file__).parent
    writing = [
        file.name for file in room.glob("*.py") if any(f"store.{call}(" in file.read_text() for call in ("write", "stage_next"))
    ]
    assert writing == ["partitions.py"]
