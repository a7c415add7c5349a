"""The long-running loop: topic -> batches -> transactions.

Two tasks share one batch of slack: one fetches and decodes the next batch while the other writes the last. A third keeps house:
offsets for Kafka's lag tools, and gauges. A fourth is the watchdog, which asks Kafka how far the partitions go. The database
alone says where each partition is read from.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from consumer import log
from consumer.errors import Fatal, LostPartition, OutcomesError, Transient, UsageError
from consumer.ingest.batch import Batch, Books, Partition
from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import RawRecord
from consumer.metrics import Metrics
from consumer.settings import Settings
from consumer.sources import kafka_client
from consumer.sources.kafka import KafkaSource
from consumer.sources.kafka_client import OffsetOutOfRange
from consumer.store.retrying import retrying
from consumer.store.store import Store
from schemas.events import HEARTBEAT

T = TypeVar("T")

SLICE = 250
"""Records decoded between two chances for the other tasks: about 4 ms."""

BEATING_SECONDS = 1.0
"""How often a loop that waits for Postgres or Kafka says that it is alive."""

QUIET_SECONDS = 0.2
"""How long one fetch waits when the topic has nothing new."""

BUSY_SECONDS = 0.002
"""How long to look away while the writer is busy and nothing else is to be done."""

AGAIN_SECONDS = 1.0
"""Pause after a fetch that failed."""

HOUSEKEEPING_SECONDS = 1.0
"""How often offsets are committed to Kafka and gauges set."""

COMPARING_SECONDS = 3.0
"""How often a worker that has nothing to write asks whether the database is still where this worker left it."""

WATCHING_SECONDS = 3.0
"""How often Kafka is asked how far the partitions go, at most; and how long it may take for the answer."""

TOLD_SECONDS = 7.0
"""Silence of Kafka or Postgres after which the probes say so; what hangs is given up later. Longer than two looks are apart."""

TELLING_SECONDS = 1.0
"""How often it is looked whether a silence is to be told. With the container's health check that makes 15 s in all."""

HELD_SECONDS = 2.0
"""A statement that takes longer may wait for a lock, or for a Postgres that hangs: another connection tells, in as long."""

REPEATED_SECONDS = 10.0
"""How often the same complaint about Kafka or Postgres is logged, at most."""

MOST_KAFKA_SECONDS = 2.0
"""Longest pause before Kafka is tried again, half of it more or less: half a group waits for a worker that is late."""

END_SECONDS = 60.0
"""With `until_end`: it gives up after so long without progress, or after `statement_seconds` if that is longer."""

SHOWN = 3
"""Partitions that are named in a sentence, at most."""

LONGEST_PATIENCE = 3600.0
"""How long a silence is let be at most, although Kafka has more."""

STUCK_SECONDS = 300.0
"""A loop that has not turned for so long, without waiting for Postgres or Kafka, is dead: /livez says so."""


LEAVING_SECONDS = 1.0
"""How long a Kafka that has just not answered is given to let us leave the group."""

_AWAY = ("postgres", "kafka")
"""Whose outage makes the worker wait."""


class _Stopped(Exception):
    """The worker was told to stop while it waited for Postgres or Kafka."""


@dataclass(slots=True)
class _Watched:
    """What the watchdog knows of an owned partition."""

    heard: float
    """Monotonic time of Kafka's last answer about it."""
    well: float
    """When it last gave something or had nothing to give, on the clock of `Worker._asking`."""
    at: int
    """Where the client stood then."""
    fetched: int | None = None
    """What the client said of its last fetch."""
    end: int | None = None
    """The offset after the last record for us, by that answer."""


@dataclass(slots=True)
class Health:
    """What the probes say."""

    waiting_for: str | None = "the first assignment"
    """Why /readyz says no; None when all is well."""
    beat: float = 0.0
    """Monotonic time of the loops' last turn."""

    def alive(self) -> bool:
        """Whether the loops turn. True while Postgres or Kafka is away: a restart would not bring them back."""
        return time.monotonic() - self.beat < STUCK_SECONDS


class Worker:
    """One member of the consumer group. `run` returns when it was told to stop, or raises `Fatal`.

    With `until_end`, it returns once all that was in the topics is written, by whomever, or where it has come no further for
    `END_SECONDS`: `unfinished` tells. A topic that does not exist is a `UsageError`.
    """

    def __init__(self, settings: Settings, store: Store, metrics: Metrics, *, until_end: bool = False) -> None:
        self._settings = settings
        self._store = store
        self._metrics = metrics
        self._rules = Rules(settings.default_tenant, settings.max_record_bytes, settings.max_future)
        self._log = log.get("worker")
        self.health = Health(beat=time.monotonic())
        self.books = Books()
        self._until_end = until_end
        self._ends: dict[Partition, int] | None = None
        """With `until_end`: where each partition of the topics ended at first, if it held anything."""
        self._others: dict[Partition, int] = {}
        """The database's positions of those that are not ours."""
        self._finished = False
        """Whether all of `_ends` have been reached."""
        self._waited_for: str | None = None
        """What was waited for when it was told to stop."""
        self._source = KafkaSource(settings, self)
        self._stop = asyncio.Event()
        self._read: dict[Partition, int] = {}
        """Owned partitions that have begun: the record that is fetched next."""
        self._written: dict[Partition, int] = {}
        """Owned partitions that have begun: the database's position."""
        self._waiting: set[Partition] = set()
        """Owned partitions that have yet to be told where they begin."""
        self._absent: set[Partition] = set()
        """Owned partitions that cannot begin: their leader does not answer."""
        self._back: dict[Partition, tuple[int, int]] = {}
        """Those of them that can by now, with their bounds."""
        self._epoch = 0
        """Changes when what was read may no longer be written."""
        self._queue: asyncio.Queue[Batch] = asyncio.Queue(1)
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._elsewhere = 0.0
        """Seconds in which nothing was asked of Kafka, because Postgres was busy: a silence then says nothing."""
        self._member = False
        """Whether the group has handed out partitions and not taken them back."""
        self._appeared: set[str] = set()
        """Topics that did not exist when this worker started."""
        self._committed: dict[Partition, int] = {}
        self._watched: dict[Partition, _Watched] = {}
        self._begun = time.monotonic()
        """When Kafka was last asked where partitions begin, and answered."""
        self._unheard: set[Partition] = set()
        """Owned partitions about which Kafka has not answered for some seconds."""
        self._deaf = False
        """Whether it has answered about nothing that we own for the watchdog's time: then it may be the client."""
        self._joined: float | None = None
        """When a worker without partitions has heard of Kafka last; None while it has no client."""
        self._silent = False
        """Whether that is some seconds ago."""
        self._complained: dict[str, tuple[str, float]] = {}
        """What was logged last about Kafka and Postgres, and when."""
        self._stuck: dict[Partition, int] = {}
        """Partitions that have more to read and give nothing, and where they stand."""
        self._tried: dict[Partition, int] = {}
        """Those for which the watchdog has made the client anew last."""
        self._patience = settings.watchdog_seconds
        """How long their silence is let be; longer where a new client has not helped, as what is left may be nothing for us."""
        self._compared = time.monotonic()

    def stop(self) -> None:
        """Asks for an orderly end: what has been read is written, then the group is left."""
        if not self._stop.is_set():
            self._waited_for = self.health.waiting_for
        self._stop.set()

    def unfinished(self) -> str | None:
        """What is missing, where `until_end` was not reached."""
        if not self._until_end or self._finished:
            return None
        waited = f", waiting for {self._waited_for}" if self._waited_for else ""
        at = self._others | self._written
        left = [
            f"{partition.source}-{partition.partition} is read to {at.get(partition, 0)} of {end}"
            for partition, end in sorted((self._ends or {}).items())
            if at.get(partition, -1) < end
        ]
        if self._ends is not None and not left:
            return None
        more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
        what = f": {', '.join(left[:SHOWN])}{more}" if left else ""
        return f"stopped before the end of {', '.join(self._settings.topic)}{waited}{what}"

    async def run(self) -> None:
        """Consumes until `stop`. Raises `Fatal`; whatever happens, nothing that was read is half written."""
        tasks = {
            asyncio.create_task(self._fetching(), name="fetching"),
            asyncio.create_task(self._writing_batches(), name="writing"),
            asyncio.create_task(self._housekeeping(), name="housekeeping"),
            asyncio.create_task(self._watching(), name="watching"),
            asyncio.create_task(self._asking_postgres(), name="asking postgres"),
            asyncio.create_task(self._telling(), name="telling"),
        }
        if self._until_end:
            tasks.add(asyncio.create_task(self._going_to_the_end(), name="going to the end"))
        stopping = asyncio.create_task(self._stop.wait(), name="stopping")
        try:
            done, _ = await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()  # a task that ends by itself has failed: its error stops the service
            await self._drain(tasks)
        finally:
            for task in {*tasks, stopping}:
                task.cancel()
            await asyncio.gather(*tasks, stopping, return_exceptions=True)
            try:
                await self._leave()
            finally:
                await self._store.close()

    async def _drain(self, tasks: set[asyncio.Task[None]]) -> None:
        fetching = next(task for task in tasks if task.get_name() == "fetching")
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await fetching
                await self._all_written(tasks - {fetching})
                self._pass_over()
                await self._all_written(tasks - {fetching})
        except TimeoutError:
            self._log.warning(
                "drain_unfinished", seconds=self._settings.drain_seconds, note="what was not written is read again"
            )

    async def _all_written(self, tasks: set[asyncio.Task[None]]) -> None:
        while not (self._queue.empty() and self._idle.is_set()):
            await asyncio.sleep(0.01)
            for task in tasks:
                if task.done():
                    task.result()

    async def _leave(self) -> None:
        begun = time.monotonic()
        try:
            await self._source.commit(self._written)
        except OutcomesError as error:
            self._log.info("offsets_not_committed", error=str(error))
        try:
            # One wait in all: who may have to end within a time of grace cannot wait twice for a Kafka that hangs.
            async with asyncio.timeout(max(LEAVING_SECONDS, kafka_client.REQUEST_SECONDS - (time.monotonic() - begun))):
                await self._source.stop()
        except (OutcomesError, TimeoutError) as error:
            self._log.warning("left_group_without_answer", error=str(error) or "Kafka does not answer in time")

    # -- the group's word --

    async def revoked(self, partitions: set[Partition]) -> None:
        """Finishes the transaction under way, forgets everything else that was read."""
        source = self._source
        self._epoch += 1
        self._discard_read()
        self._disown()
        self._wait_for(self.health.waiting_for or "the assignment")
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await self._idle.wait()
        except TimeoutError:
            self._log.warning("revoked_while_writing", note="the fence in the database keeps a late commit out")
        try:
            await source.commit(self._written)
        except OutcomesError as error:
            self._log.info("offsets_not_committed", error=str(error))
        if self._source is source:  # else a new client has been made meanwhile, and what is known is what it was given
            self._forget_partitions()
        self._log.info("partitions_revoked", partitions=len(partitions))

    def assigned(self, partitions: set[Partition]) -> None:
        """Remembers what is ours; the fetching task asks the database where to begin."""
        self._waiting = set(partitions)
        self._member = True
        self._joined, self._silent = time.monotonic(), False
        self._metrics.partitions.set(len(partitions))
        self._recovered()
        self._log.info("partitions_assigned", partitions=sorted(f"{p.source}-{p.partition}" for p in partitions))

    def _disown(self) -> None:
        self._member = False
        self._metrics.partitions.set(0)

    def _forget_partitions(self) -> None:
        for known in (self._read, self._written, self._waiting, self._absent, self._back, self._watched, self._stuck):
            known.clear()
        self._unheard, self._deaf = set(), False

    def _discard_read(self) -> None:
        self._store.discard_staged()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._tell_idle()

    def _begin_again(self) -> None:
        """Forgets what was read of all partitions and asks the database again."""
        self._epoch += 1
        self._discard_read()
        waiting = self._waiting | set(self._read) | self._absent
        self._source.hold(waiting)
        self._forget_partitions()
        self._waiting = waiting

    # -- fetching and decoding --

    async def _fetching(self) -> None:
        try:
            topics = self._settings.topic
            self._metrics.heard(*await self._patiently(lambda: self._store.newest_times(topics, HEARTBEAT), "postgres"))
            await self._start_source()
            while not self._stop.is_set():
                await self._turn()
        except _Stopped:
            self._log.info("stopped_while_waiting", waiting_for=self.health.waiting_for)

    async def _turn(self) -> None:
        self.health.beat = time.monotonic()
        try:
            await self._next_batch()
            if self._is_stuck() or self._deaf:
                await self._rebuild()
        except LostPartition as error:
            await self._lost(error)
        except OffsetOutOfRange:
            self._begin_again()
        except Transient as error:
            self._failed("kafka")(error, AGAIN_SECONDS)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _next_batch(self) -> None:
        if self._waiting or self._back:
            await self._begin()
        epoch, batch, deadline = self._epoch, Batch(), float("inf")
        while not self._stop.is_set():
            quiet = not batch.moves
            idle = self._is_idle()
            room = min(SLICE, self._settings.batch_size - batch.events)
            try:
                records = await self._source.fetch(room, QUIET_SECONDS if quiet else 0 if idle else BUSY_SECONDS)
            except OffsetOutOfRange:
                self._put_back()
                await self._write_out(batch, epoch)
                raise
            except Transient:
                self._put_back()
                if batch.moves and self._epoch == epoch:
                    await self._hand_over(batch, epoch)
                raise
            if self.health.waiting_for == "kafka":
                self._recovered()
            if self._epoch != epoch or self._waiting:
                return
            if quiet and records:
                deadline = time.monotonic() + self._settings.batch_seconds
            now = datetime.now(UTC)
            for partition, fetched in records:
                self._take(batch, partition, fetched, now)
            self.health.beat = time.monotonic()
            full = batch.events >= self._settings.batch_size or batch.bytes >= self._settings.batch_bytes
            if batch.moves and (full or (idle and (not records or time.monotonic() >= deadline))):
                break
            if quiet and not records:
                return
            await asyncio.sleep(0)  # the writer's turn
        if batch.moves and self._epoch == epoch:
            await self._hand_over(batch, epoch)

    def _put_back(self) -> None:
        """Takes the client back to what was read of each partition, at once.

        What a fetch had of one partition is gone where it fails at another one; the client has passed it all the same.
        """
        for partition, at in self._read.items():
            if self._source.position(partition) != at:
                self._source.seek(partition, at)

    def _take(self, batch: Batch, partition: Partition, records: list[RawRecord], now: datetime) -> None:
        """Decodes what was fetched of one partition into the batch."""
        expected = self._read.get(partition)
        if expected is None or records[-1].position < expected:
            return  # fetched under an older assignment
        for record in records:
            if record.position >= expected:
                batch.add(decode(record, self._rules, now))
                batch.bytes += len(record.value or b"")
        self._read[partition] = records[-1].position + 1
        batch.advance(partition, expected, self._read[partition])

    async def _hand_over(self, batch: Batch, epoch: int) -> None:
        with self._beating():
            await self._store.stage_next(batch)
        while not self._is_idle():  # one batch is being written and this one waits: what Kafka sends now stays in Kafka
            await self._look_away(asyncio.sleep(BUSY_SECONDS))
        if self._epoch == epoch:
            self._queue.put_nowait(batch)
            self._idle.clear()

    async def _write_out(self, batch: Batch, epoch: int) -> None:
        """What was read is written before anything else is done: Kafka may not have it any more."""
        if batch.moves and self._epoch == epoch:
            await self._hand_over(batch, epoch)
        while not self._is_idle():
            await self._look_away(asyncio.sleep(BUSY_SECONDS))

    async def _look_away(self, action: Awaitable[object]) -> None:
        """Does something else than asking Kafka for records."""
        begun = time.monotonic()
        try:
            await action
        finally:
            self.health.beat = time.monotonic()
            self._elsewhere += self.health.beat - begun

    async def _begin(self) -> None:
        """Seeks every new partition to the database's position. Raises `Fatal` on a gap, unless told to go on.

        Those whose leader does not answer are left until it does: the watchdog goes on asking.
        """
        bounds, self._back = ({} if self._waiting else self._back), {}
        epoch, partitions = self._epoch, sorted(self._waiting or bounds)
        known = await self._patiently(lambda: self._store.positions(partitions), "postgres")
        if unknown := {partition for partition in partitions if partition not in known}:
            for topic in sorted({partition.source for partition in unknown}):
                await self._meet(topic, unknown, epoch)
            known = await self._patiently(lambda: self._store.positions(partitions), "postgres")
        bounds = bounds or await self._patiently(lambda: self._bounds(partitions, epoch), "kafka")
        positions: dict[Partition, int] = {}
        for partition, (first, end) in sorted(bounds.items()):
            position = known[partition]
            if not first <= position <= end:
                position = await self._over_gap(partition, position, first, end)
            positions[partition] = position
        if self._epoch != epoch or not self._waiting | self._absent >= set(partitions):
            return
        self._begun = time.monotonic()
        self._absent = (self._absent | set(partitions)) - set(positions)
        self._waiting = set()
        for partition, position in positions.items():
            self._source.seek(partition, position)
        self._read |= positions
        self._written |= positions
        self._recovered()
        self._log.info("positions_read", partitions={f"{p.source}-{p.partition}": at for p, at in positions.items()})

    async def _bounds(self, partitions: list[Partition], epoch: int) -> dict[Partition, tuple[int, int]]:
        """None of them once the group has handed out others: whoever goes on asking for the old ones reads nothing of those."""
        return await self._source.bounds(partitions) if self._epoch == epoch else {}

    async def _meet(self, topic: str, unknown: set[Partition], epoch: int) -> None:
        """Writes down where all partitions of a topic begin, in one go.

        `start` is about a topic that this database has never read. A partition that it gets later, or a topic that comes while
        this worker runs, is new from its first record on.
        """
        whole = sorted(self._source.partitions(topic) | {partition for partition in unknown if partition.source == topic})
        known = await self._patiently(lambda: self._store.positions(whole), "postgres")
        if known:
            starts = dict.fromkeys(whole, 0)
        else:
            at_end = self._settings.start == "latest" and topic not in self._appeared
            bounds = await self._patiently(lambda: self._all_bounds(whole, epoch), "kafka")
            starts = {partition: bound[1 if at_end else 0] for partition, bound in bounds.items()}
        await self._patiently(lambda: self._store.open_positions(starts), "postgres")

    async def _all_bounds(self, partitions: list[Partition], epoch: int) -> dict[Partition, tuple[int, int]]:
        """All or none."""
        bounds = await self._bounds(partitions, epoch)
        if not bounds:
            return {}
        if missing := [f"{p.source}-{p.partition}" for p in partitions if p not in bounds]:
            raise Transient(f"Kafka: no leader answers for {', '.join(missing)}")
        return bounds

    async def _over_gap(self, partition: Partition, position: int, first: int, end: int) -> int:
        name = f"{partition.source}-{partition.partition}"
        if position > end:
            reason = "topic_recreated"
            what = f"{name} ends at {end}, but this database has read up to {position}: the topic was made anew"
        else:
            reason = "retention_passed"
            what = f"{name} begins at {first}, but this database is at {position}: Kafka has deleted {first - position} records"
        if self._settings.on_gap == "stop":
            raise Fatal(
                f"{what}. Replay the missing records from captured files if you have them; "
                "then set OUTCOMES_ON_GAP=continue to go on from the topic's start and have the gap recorded in stream_gap"
            )
        self._log.warning("gap", partition=name, reason=reason, position=position, first=first, end=end)
        await self._patiently(lambda: self._store.skip_gap(partition, position, first, reason), "postgres")
        return first

    # -- writing --

    async def _writing_batches(self) -> None:
        while True:
            batch = await self._queue.get()
            self._busy = True
            try:
                await self._write(batch)
            except LostPartition as error:
                await self._lost(error)
            finally:
                self._busy = False
                self._tell_idle()

    def _is_idle(self) -> bool:
        return self._queue.empty() and not self._busy

    def _tell_idle(self) -> None:
        if self._is_idle():
            self._idle.set()

    async def _write(self, batch: Batch) -> None:
        epoch, begun = self._epoch, time.monotonic()

        async def attempt() -> dict[Partition, Books] | None:
            if self._epoch != epoch:
                return None  # revoked while the database was away: the next owner reads it again
            return await self._store.write(batch)

        books = await retrying(attempt, on_failure=self._failed("postgres"), jitter=random.random)
        self._recovered()
        if books is None:
            return
        for partition, move in batch.moves.items():
            if partition in self._written:
                self._written[partition] = move.new
        total = sum(books.values(), Books())
        self.books = self.books + total
        self._report(batch, total, time.monotonic() - begun)

    def _report(self, batch: Batch, total: Books, seconds: float) -> None:
        positions = {f"{p.source}-{p.partition}": move.new for p, move in batch.moves.items()}
        if not total.consumed:
            self._log.info("passed_over", positions=positions)
            return
        newest = max(batch.last_event_time().values(), default=None)
        heartbeat = max((i.event_time for i in batch.ignored if i.event_name == HEARTBEAT and i.event_time), default=None)
        self._metrics.wrote(total, seconds, [r.reason for r in self._store.rejected], newest, heartbeat)
        self._log.info(
            "batch",
            events=total.consumed,
            applied=total.applied,
            superseded=total.superseded,
            duplicate=total.duplicate,
            ignored=total.ignored,
            quarantined=total.quarantined,
            bytes=batch.bytes,
            seconds=round(seconds, 4),
            event_time=newest.isoformat() if newest else None,
            positions=positions,
        )

    async def _lost(self, error: LostPartition) -> None:
        """Somebody else moved a position. The group decides who goes on; the database says from where."""
        self._metrics.lost.inc()
        self._log.warning("partition_lost", error=str(error))
        self._begin_again()
        await asyncio.sleep(random.uniform(0.05, 0.5))

    # -- to the end --

    async def _going_to_the_end(self) -> None:
        """Stops once all that was in Kafka at first is written or passed over, or where that comes no further."""
        limit = max(END_SECONDS, self._settings.statement_seconds)
        moved, at = time.monotonic(), (dict[Partition, int](), dict[Partition, int]())
        while not self._stop.is_set():
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            try:
                async with asyncio.timeout(limit):
                    await self._check_end()
            except (Transient, TimeoutError):
                pass  # whoever reads or writes says so
            now = (self._others | self._written, dict(self._read))
            if now != at:
                moved, at = time.monotonic(), now
            elif time.monotonic() - moved > limit:
                self.stop()

    async def _check_end(self) -> None:
        """Asks the database for what others have written of the topics."""
        if not self._member or self._waiting:
            return
        if self._ends is None:
            topics = [self._source.partitions(topic) for topic in self._settings.topic]
            everything = set[Partition]().union(*topics)
            bounds = await self._bounds_now(everything, kafka_client.REQUEST_SECONDS) if all(topics) else {}
            if not bounds or everything - set(bounds):
                return
            self._ends = {partition: end for partition, (first, end) in bounds.items() if end > first}
        if left := [partition for partition in self._ends if partition not in self._written]:
            self._others = await self._store.positions(left)
        at = self._others | self._written
        if all(at.get(partition, -1) >= end for partition, end in self._ends.items()):
            self._finished = True
            self.stop()

    # -- housekeeping --

    async def _housekeeping(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            self._metrics.lag(self._lag())
            if self._member and self.health.waiting_for not in _AWAY:
                self._recovered()  # a topic may have come, or gone
            self._pass_over()
            changed = {p: at for p, at in self._written.items() if self._committed.get(p) != at}
            try:
                await self._source.commit(changed)
                self._committed |= changed
            except Transient as error:
                self._log.info("offsets_not_committed", error=str(error))
            if time.monotonic() - self._compared > COMPARING_SECONDS:
                await self._compare()

    def _lag(self) -> dict[Partition, int]:
        """Records in Kafka and not yet written, by its last answer: the client's own ends are as old as its last fetch."""
        found = {}
        for partition, at in self._written.items():
            told = self._watched[partition].end if partition in self._watched else None
            if ends := [end for end in (told, self._source.end(partition)) if end is not None]:
                found[partition] = max(0, max(ends) - at)
        return found

    def _pass_over(self) -> None:
        """Moves positions over what holds no event: markers of transactions, aborted records, holes of compaction.

        Else they lag behind for ever, and seem to have missed something once retention has passed them. Only where nothing is
        under way: then all that the client has passed has been written, or was nothing for us.
        """
        if not self._member or self._waiting or not self._is_idle():
            return
        batch = Batch()
        for partition, at in self._written.items():
            if self._read[partition] == at < (position := self._source.position(partition)):
                batch.advance(partition, at, position)
                self._read[partition] = position
        if batch.moves:
            self._queue.put_nowait(batch)
            self._idle.clear()

    async def _compare(self) -> None:
        """With nothing to write: whether the database is there, and where we left it.

        A failover or a restored backup sets it back. Where the topic is quiet, no compare-and-set would ever tell.
        """
        written = dict(self._written)
        if not written or self._waiting or not self._is_idle():
            return
        try:
            known = await self._store.positions(list(written))
        except Transient as error:
            self._failed("postgres")(error, HOUSEKEEPING_SECONDS)
            return
        self._compared = time.monotonic()
        if not self._is_idle() or written != self._written:
            return  # a batch came in between: its own compare-and-set tells
        if self.health.waiting_for == "postgres":
            self._recovered()
        if known != written:
            await self._lost(LostPartition("the database is not where this worker left it"))

    async def _asking_postgres(self) -> None:
        """Tells of a Postgres that hangs long before its statement is given up: one that waits for a lock answers others."""
        while True:
            await asyncio.sleep(TELLING_SECONDS)
            since = self._store.asking_since
            if since is None or time.monotonic() - since < HELD_SECONDS or await self._store.answers(HELD_SECONDS):
                continue
            if self._store.asking_since == since:
                self._failed("postgres")(Transient("Postgres does not answer"), WATCHING_SECONDS)

    # -- the watchdog --

    async def _watching(self) -> None:
        """Asks how far the owned partitions go, often enough to tell within the watchdog's time who does not answer."""
        limit = self._settings.watchdog_seconds
        patience = min(kafka_client.REQUEST_SECONDS, WATCHING_SECONDS, limit / 2)
        while True:
            await asyncio.sleep(min(WATCHING_SECONDS, limit / 4))
            epoch, source, owned = self._epoch, self._source, {*self._read, *self._absent}
            if self._waiting:
                continue
            if not owned:
                await self._listen(source, patience)
                continue
            bounds = await self._bounds_now(owned, patience)
            if self._epoch == epoch and self._source is source and not self._waiting:
                self._look(owned, bounds)

    async def _listen(self, source: KafkaSource, seconds: float) -> None:
        """Whether Kafka is there at all, which a worker that owns nothing would not notice."""
        if self._joined is None:
            return
        heard = await source.answers(seconds)
        if self._source is not source or self._joined is None:
            return
        if heard:
            self._joined = time.monotonic()
        self._tell_silence()

    async def _telling(self) -> None:
        """Apart from the watchdog, which spends its time waiting for answers."""
        while True:
            await asyncio.sleep(TELLING_SECONDS)
            if not self._waiting:
                self._tell_silence()

    def _tell_silence(self) -> None:
        """Of partitions that are ours, or of Kafka at all where none is."""
        now = time.monotonic()
        if owned := {*self._read, *self._absent}:
            for partition, it in self._watched.items():
                if (fetched := self._source.fetched_at(partition)) != it.fetched:
                    it.heard, it.fetched = now, fetched
            self._tell_unheard({partition for partition in owned if now - self._heard(partition) > self._told_seconds()})
            return
        if self._joined is None:
            return
        silent = now - self._joined > self._told_seconds()
        if silent != self._silent:
            self._silent = silent
            if silent:
                self._failed("kafka")(Transient("Kafka does not answer"), WATCHING_SECONDS)
            elif self.health.waiting_for != "postgres":
                self._recovered()

    def _heard(self, partition: Partition) -> float:
        return self._watched[partition].heard if partition in self._watched else self._begun

    def _told_seconds(self) -> float:
        return min(TOLD_SECONDS, self._settings.watchdog_seconds)

    async def _bounds_now(self, owned: set[Partition], seconds: float) -> dict[Partition, tuple[int, int]]:
        """Without those about which nothing can be had. Raises where waiting would not help."""
        source = self._source
        (found,) = await asyncio.gather(source.bounds(sorted(owned), seconds), return_exceptions=True)
        if not isinstance(found, BaseException):
            return found
        if isinstance(found, (Transient, asyncio.CancelledError)) or source.stopped:
            return {}
        raise found

    def _asking(self) -> float:
        """A clock that stands still while the client is not asked for records."""
        return time.monotonic() - self._elsewhere

    def _look(self, owned: set[Partition], bounds: dict[Partition, tuple[int, int]]) -> None:
        """Draws the conclusions: who is not heard of, who can begin after all, who is stuck."""
        now, asking = time.monotonic(), self._asking()
        self._back = {partition: bounds[partition] for partition in self._absent if partition in bounds}
        self._stuck = {}
        for partition in owned:
            at = self._source.position(partition)
            it = self._watched.setdefault(partition, _Watched(self._begun, asking, at))
            if partition in bounds:
                it.heard, it.end = now, bounds[partition][1]
            if partition not in bounds or partition not in self._read or at != it.at or at >= bounds[partition][1]:
                it.well, it.at = asking, at
            elif asking - it.well > self._patience_with(partition, at):
                self._stuck[partition] = at
        self._tell_silence()
        self._deaf = now - max(map(self._heard, owned)) > self._settings.watchdog_seconds

    def _patience_with(self, partition: Partition, at: int) -> float:
        return self._patience if self._tried.get(partition) == at else self._settings.watchdog_seconds

    def _tell_unheard(self, unheard: set[Partition]) -> None:
        """Not ready while some are out of reach. The others go on, and the client by itself once their leader is back."""
        if unheard != self._unheard:
            self._unheard = unheard
            names = sorted(f"{p.source}-{p.partition}" for p in unheard)
            self._log.warning("partitions_unheard" if unheard else "partitions_heard_again", partitions=names)
            if unheard >= {*self._read, *self._absent}:
                self._failed("kafka")(Transient("Kafka does not answer"), WATCHING_SECONDS)
        if unheard and self.health.waiting_for != "postgres":
            self._recovered()

    def _is_stuck(self) -> bool:
        """Whether Kafka has more for us than the client has given for long."""
        return any(self._source.position(partition) == at for partition, at in self._stuck.items())

    async def _rebuild(self) -> None:
        if self._deaf:
            self._failed("kafka")(Transient("Kafka does not answer in time"), 0)
        else:
            again = any(self._tried.get(partition) == at for partition, at in self._stuck.items())
            self._patience = min(2 * self._patience, LONGEST_PATIENCE) if again else self._settings.watchdog_seconds
            self._tried = dict(self._stuck)
        self._metrics.rebuilds.inc()
        self._log.warning("client_stuck", seconds=self._settings.watchdog_seconds, note="the Kafka client is made anew")
        self._epoch += 1
        self._discard_read()
        self._forget_partitions()
        self._disown()
        self._joined = None
        try:
            await self._source.stop()
        except OutcomesError as error:
            self._log.info("stuck_client_left", error=str(error))
        self._source = KafkaSource(self._settings, self, self._source.member_id)
        await self._start_source()

    async def _start_source(self) -> None:
        async def start() -> None:
            try:
                await self._source.start()
                missing = await self._source.missing_topics()
                if missing and self._until_end:
                    await asyncio.sleep(AGAIN_SECONDS)  # brokers do not hear at once of a topic that was made just now
                    if missing := await self._source.missing_topics():
                        names = " and no topic ".join(topic + kafka_client.or_rather(near) for topic, near in missing.items())
                        raise UsageError(f"Kafka has no topic {names} that we may read, and --until-end waits for none")
                self._source.join()
            except BaseException:  # a client starts once only, also where it is what comes after its start that fails
                failed, self._source = self._source, KafkaSource(self._settings, self, self._source.member_id)
                await failed.stop()
                raise
            if missing:
                self._appeared |= set(missing)
                near = {topic: names for topic, names in missing.items() if names}
                self._log.warning("topics_missing", topics=list(missing), near=near, note="waiting until they exist")

        await self._patiently(start, "kafka")
        self._joined, self._silent = time.monotonic(), False
        self._recovered()

    # -- waiting --

    async def _patiently(self, action: Callable[[], Awaitable[T]], system: str) -> T:
        """Tries for as long as it takes, or until the worker is told to stop: then raises `_Stopped`."""
        failed, most = self._failed(system), {"most_seconds": MOST_KAFKA_SECONDS} if system == "kafka" else {}
        trying = asyncio.ensure_future(retrying(action, on_failure=failed, jitter=random.random, **most))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            with self._beating():
                tasks, end = {trying, stopping}, asyncio.FIRST_COMPLETED
                done, _ = await asyncio.wait(tasks, timeout=TOLD_SECONDS, return_when=end)
                if not done and self.health.waiting_for != system:
                    failed(Transient(f"{system.capitalize()} does not answer"), 0)
                await asyncio.wait(tasks, return_when=end)
            if not trying.done():
                raise _Stopped
            return trying.result()
        finally:
            for task in (trying, stopping):
                task.cancel()
            await asyncio.gather(trying, stopping, return_exceptions=True)

    @contextmanager
    def _beating(self) -> Iterator[None]:
        """However long Postgres or Kafka keep the block waiting, the loops are not dead."""

        async def beat() -> None:
            while True:
                await self._look_away(asyncio.sleep(BEATING_SECONDS))

        beating = asyncio.ensure_future(beat())
        try:
            yield
        finally:
            beating.cancel()

    def _failed(self, system: str) -> Callable[[Transient, float], None]:
        def report(error: Transient, seconds: float) -> None:
            self._metrics.retries.labels(system).inc()
            self._wait_for(system)
            self.health.beat = now = time.monotonic()
            said, when = self._complained.get(system, ("", 0.0))
            if said != str(error) or now - when > REPEATED_SECONDS:
                self._complained[system] = str(error), now
                self._log.warning("waiting", system=system, error=str(error), again_in_seconds=round(seconds, 2))

        return report

    def _recovered(self) -> None:
        self._wait_for(self._still_waiting_for())

    def _wait_for(self, what: str | None) -> None:
        self.health.waiting_for = what
        self._metrics.paused.set(what in _AWAY)

    def _still_waiting_for(self) -> str | None:
        """What keeps owned partitions from being read and written, where all that was asked has been answered."""
        if self._silent:
            return "kafka"
        if not self._member:
            return "the assignment"
        if self._waiting:
            return "the positions"
        if self._absent or self._unheard:
            return "kafka"
        if not self._read and (unknown := self._source.unknown_topics()):
            return f"the topic {', '.join(unknown)}"
        return None
