"""The long-running loop: topic -> batches -> transactions.

Two tasks share one batch of slack: one fetches and decodes the next batch while the other writes the last. A third keeps house:
offsets for Kafka's lag tools, gauges, and the watchdog. The database alone says where each partition is read from.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
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
from consumer.sources.kafka import KafkaSource, OffsetOutOfRange
from consumer.store.store import Store, retrying
from schemas.events import HEARTBEAT

T = TypeVar("T")

SLICE = 250
"""Records decoded between two chances for the other tasks: about 4 ms."""

QUIET_SECONDS = 0.2
"""How long one fetch waits when the topic has nothing new."""

BUSY_SECONDS = 0.002
"""How long to look away while the writer is busy and nothing else is to be done."""

AGAIN_SECONDS = 1.0
"""Pause after a fetch that failed."""

HOUSEKEEPING_SECONDS = 1.0
"""How often offsets are committed to Kafka and gauges set."""

COMPARING_SECONDS = 5.0
"""How often a worker that has nothing to write asks whether the database is still where this worker left it."""

LONGEST_PATIENCE = 3600.0
"""How long a silence is let be at most, although Kafka has more."""

STUCK_SECONDS = 300.0
"""A loop that has not turned for so long, without waiting for Postgres or Kafka, is dead: /livez says so."""


class _Stopped(Exception):
    """The worker was told to stop while it waited for Postgres or Kafka."""


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

    With `until_end`, it returns once all that was in the topics is written; a topic that does not exist is a `UsageError`.
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
        self._ends: dict[Partition, int] = {}
        self._source = KafkaSource(settings, self)
        self._stop = asyncio.Event()
        self._read: dict[Partition, int] = {}
        """Owned partitions that have begun: the record that is fetched next."""
        self._written: dict[Partition, int] = {}
        """Owned partitions that have begun: the database's position."""
        self._waiting: set[Partition] = set()
        """Owned partitions that have yet to be told where they begin."""
        self._epoch = 0
        """Changes when what was read may no longer be written."""
        self._queue: asyncio.Queue[Batch] = asyncio.Queue(1)
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._progress = time.monotonic()
        self._member = False
        """Whether the group has handed out partitions and not taken them back."""
        self._appeared: set[str] = set()
        """Topics that did not exist when this worker started."""
        self._committed: dict[Partition, int] = {}
        self._tried: dict[Partition, int] = {}
        """Ends of the topic for which the watchdog has made the client anew."""
        self._patience = settings.watchdog_seconds
        """How long a silence is let be; longer where a new client has not helped, as what is left may be nothing for us."""
        self._compared = time.monotonic()

    def stop(self) -> None:
        """Asks for an orderly end: what has been read is written, then the group is left."""
        self._stop.set()

    async def run(self) -> None:
        """Consumes until `stop`. Raises `Fatal`; whatever happens, nothing that was read is half written."""
        tasks = {
            asyncio.create_task(self._fetching(), name="fetching"),
            asyncio.create_task(self._writing_batches(), name="writing"),
            asyncio.create_task(self._housekeeping(), name="housekeeping"),
        }
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
                while not (self._queue.empty() and self._idle.is_set()):
                    await asyncio.sleep(0.01)
                    for task in tasks - {fetching}:
                        if task.done():
                            task.result()
        except TimeoutError:
            self._log.warning(
                "drain_unfinished", seconds=self._settings.drain_seconds, note="what was not written is read again"
            )

    async def _leave(self) -> None:
        try:
            await self._source.commit(self._written)
        except OutcomesError as error:
            self._log.info("offsets_not_committed", error=str(error))
        try:
            await self._source.stop()
        except OutcomesError as error:
            self._log.warning("left_group_without_answer", error=str(error))

    # -- the group's word --

    async def revoked(self, partitions: set[Partition]) -> None:
        """Finishes the transaction under way, forgets everything else that was read."""
        self._epoch += 1
        self._discard_read()
        self._disown()
        self.health.waiting_for = self.health.waiting_for or "the assignment"
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await self._idle.wait()
        except TimeoutError:
            self._log.warning("revoked_while_writing", note="the fence in the database keeps a late commit out")
        try:
            await self._source.commit(self._written)
        except OutcomesError as error:
            self._log.info("offsets_not_committed", error=str(error))
        self._read.clear()
        self._written.clear()
        self._waiting.clear()
        self._log.info("partitions_revoked", partitions=len(partitions))

    def assigned(self, partitions: set[Partition]) -> None:
        """Remembers what is ours; the fetching task asks the database where to begin."""
        self._waiting = set(partitions)
        self._member = True
        self._metrics.partitions.set(len(partitions))
        self.health.waiting_for = "the positions" if partitions else None
        self._progress = time.monotonic()
        self._log.info("partitions_assigned", partitions=sorted(f"{p.source}-{p.partition}" for p in partitions))

    def _disown(self) -> None:
        self._member = False
        self._metrics.partitions.set(0)

    def _discard_read(self) -> None:
        self._store.forget_ahead()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._tell_idle()

    def _begin_again(self) -> None:
        """Forgets what was read of all partitions and asks the database again."""
        self._epoch += 1
        self._discard_read()
        self._waiting |= set(self._read)
        self._source.hold(self._waiting)
        self._read.clear()
        self._written.clear()

    # -- fetching and decoding --

    async def _fetching(self) -> None:
        try:
            await self._patiently(self._store.check, "postgres")
            await self._start_source()
            while not self._stop.is_set():
                await self._turn()
        except _Stopped:
            self._log.info("stopped_while_waiting", waiting_for=self.health.waiting_for)

    async def _turn(self) -> None:
        self.health.beat = time.monotonic()
        try:
            await self._next_batch()
            if time.monotonic() - self._progress > self._patience and await self._stuck():
                await self._rebuild()
        except LostPartition as error:
            await self._lost(error)
        except OffsetOutOfRange:
            self._begin_again()
        except Transient as error:
            self._failed("kafka")(error, AGAIN_SECONDS)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _next_batch(self) -> None:
        if self._waiting:
            await self._begin()
        epoch, batch, deadline = self._epoch, Batch(), float("inf")
        while not self._stop.is_set():
            quiet = not batch.moves
            idle = self._is_idle()
            room = min(SLICE, self._settings.batch_size - batch.events)
            try:
                records = await self._source.fetch(room, QUIET_SECONDS if quiet else 0 if idle else BUSY_SECONDS)
            except OffsetOutOfRange:
                await self._write_out(batch, epoch)
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
            if records:
                self._progress = time.monotonic()
            self.health.beat = time.monotonic()
            full = batch.events >= self._settings.batch_size or batch.bytes >= self._settings.batch_bytes
            if batch.moves and (full or (idle and (not records or time.monotonic() >= deadline))):
                break
            if quiet and not records:
                return
            await asyncio.sleep(0)  # the writer's turn
        if batch.moves and self._epoch == epoch:
            await self._hand_over(batch, epoch)

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
        await self._store.ahead(batch)
        while not self._is_idle():  # one batch is being written and this one waits: what Kafka sends now stays in Kafka
            await asyncio.sleep(BUSY_SECONDS)
            self.health.beat = self._progress = time.monotonic()
        if self._epoch == epoch:
            self._queue.put_nowait(batch)
            self._idle.clear()

    async def _write_out(self, batch: Batch, epoch: int) -> None:
        """What was read is written before anything else is done: Kafka may not have it any more."""
        if batch.moves and self._epoch == epoch:
            await self._hand_over(batch, epoch)
        while not self._is_idle():
            await asyncio.sleep(BUSY_SECONDS)
            self.health.beat = time.monotonic()

    async def _begin(self) -> None:
        """Seeks every new partition to the database's position. Raises `Fatal` on a gap, unless told to go on."""
        epoch, partitions = self._epoch, sorted(self._waiting)
        known = await self._patiently(lambda: self._store.positions(partitions), "postgres")
        if unknown := {partition for partition in partitions if partition not in known}:
            for topic in sorted({partition.source for partition in unknown}):
                await self._meet(topic, unknown)
            known = await self._patiently(lambda: self._store.positions(partitions), "postgres")
        bounds = await self._patiently(lambda: self._source.bounds(partitions), "kafka")
        positions: dict[Partition, int] = {}
        for partition in partitions:
            first, end = bounds[partition]
            position = known[partition]
            if not first <= position <= end:
                position = await self._over_gap(partition, position, first, end)
            positions[partition] = position
            if self._until_end:
                self._ends.setdefault(partition, end)
        if self._epoch != epoch or self._waiting != set(partitions):
            return
        self._waiting = set()
        for partition, position in positions.items():
            self._source.seek(partition, position)
        self._read, self._written = dict(positions), dict(positions)
        self._progress = time.monotonic()
        self._recovered()
        self._log.info("positions_read", partitions={f"{p.source}-{p.partition}": at for p, at in positions.items()})

    async def _meet(self, topic: str, unknown: set[Partition]) -> None:
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
            bounds = await self._patiently(lambda: self._source.bounds(whole), "kafka")
            starts = {partition: bounds[partition][1 if at_end else 0] for partition in whole}
        await self._patiently(lambda: self._store.open_positions(starts), "postgres")

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
        if books is None:
            return
        self._recovered()
        for partition, move in batch.moves.items():
            if partition in self._written:
                self._written[partition] = move.new
        total = sum(books.values(), Books())
        self.books = self.books + total
        self._report(batch, total, time.monotonic() - begun)

    def _report(self, batch: Batch, total: Books, seconds: float) -> None:
        newest = max(batch.last_event_time().values(), default=None)
        heartbeat = max((i.event_time for i in batch.ignored if i.event_name == HEARTBEAT and i.event_time), default=None)
        self._metrics.wrote(total, seconds, [r.reason for r in batch.rejected], newest, heartbeat)
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
            positions={f"{p.source}-{p.partition}": move.new for p, move in batch.moves.items()},
        )

    async def _lost(self, error: LostPartition) -> None:
        """Somebody else moved a position. The group decides who goes on; the database says from where."""
        self._metrics.lost.inc()
        self._log.warning("partition_lost", error=str(error))
        self._begin_again()
        await asyncio.sleep(random.uniform(0.05, 0.5))

    async def _check_end(self) -> None:
        """With `until_end`: stops once all that was in Kafka at the start is written.

        Kafka's own position counts where nothing is under way: behind the last record there may be markers of transactions.
        """
        if not self._until_end or self._waiting or not self._ends or not self._is_idle() or self._read != self._written:
            return
        for partition, end in self._ends.items():
            at = self._written.get(partition)
            if at is not None and max(at, await self._source.position(partition)) < end:
                return
        self.stop()

    # -- housekeeping --

    async def _housekeeping(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            self._metrics.lag(self._source.lag(self._written))
            changed = {p: at for p, at in self._written.items() if self._committed.get(p) != at}
            try:
                await self._source.commit(changed)
                self._committed |= changed
                await self._check_end()
            except Transient as error:
                self._log.info("offsets_not_committed", error=str(error))
            if time.monotonic() - self._compared > COMPARING_SECONDS:
                await self._compare()

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

    async def _stuck(self) -> bool:
        """Whether Kafka has more for us than the client gives; asked only after a long silence."""
        if self._waiting or not self._read:
            return False
        read = dict(self._read)
        try:
            bounds = await self._source.bounds(read)
        except Transient as error:
            self._failed("kafka")(error, 0)
            return True
        self._progress = time.monotonic()
        ends = {partition: end for partition, (_, end) in bounds.items()}
        behind = {p: end for p, end in ends.items() if max(read[p], await self._source.position(p)) < end}
        if read != self._read:
            return False  # it moves after all
        again = behind == self._tried
        self._patience = min(2 * self._patience, LONGEST_PATIENCE) if behind and again else self._settings.watchdog_seconds
        self._tried = behind
        return bool(behind)

    async def _rebuild(self) -> None:
        self._metrics.rebuilds.inc()
        self._log.warning("client_stuck", seconds=self._settings.watchdog_seconds, note="the Kafka client is made anew")
        self._epoch += 1
        self._discard_read()
        self._read.clear()
        self._waiting.clear()
        self._written.clear()
        self._disown()
        try:
            await self._source.stop()
        except OutcomesError as error:
            self._log.info("stuck_client_left", error=str(error))
        self._source = KafkaSource(self._settings, self)
        await self._start_source()

    async def _start_source(self) -> None:
        async def start() -> None:
            try:
                await self._source.start()
                missing = await self._source.missing_topics()
                if missing and self._until_end:
                    await asyncio.sleep(AGAIN_SECONDS)  # brokers do not hear at once of a topic that was made just now
                    if missing := await self._source.missing_topics():
                        names = ", ".join(sorted(missing))
                        raise UsageError(f"Kafka has no topic {names} that we may read, and --until-end waits for none")
                self._source.join()
            except BaseException:  # a client starts once only, also where it is what comes after its start that fails
                failed, self._source = self._source, KafkaSource(self._settings, self)
                await failed.stop()
                raise
            if missing:
                self._appeared |= missing
                self._log.warning("topics_missing", topics=sorted(missing), note="waiting until they exist")

        await self._patiently(start, "kafka")
        self._recovered()
        self._progress = time.monotonic()

    # -- waiting --

    async def _patiently(self, action: Callable[[], Awaitable[T]], system: str) -> T:
        """Tries for as long as it takes, or until the worker is told to stop: then raises `_Stopped`."""
        trying = asyncio.ensure_future(retrying(action, on_failure=self._failed(system), jitter=random.random))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({trying, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not trying.done():
                raise _Stopped
            return trying.result()
        finally:
            for task in (trying, stopping):
                task.cancel()
            await asyncio.gather(trying, stopping, return_exceptions=True)

    def _failed(self, system: str) -> Callable[[Transient, float], None]:
        def report(error: Transient, seconds: float) -> None:
            self._metrics.retries.labels(system).inc()
            self._metrics.paused.set(1)
            self.health.waiting_for = system
            self.health.beat = time.monotonic()
            self._log.warning("waiting", system=system, error=str(error), again_in_seconds=round(seconds, 2))

        return report

    def _recovered(self) -> None:
        self._metrics.paused.set(0)
        self.health.waiting_for = "the assignment" if not self._member else "the positions" if self._waiting else None
