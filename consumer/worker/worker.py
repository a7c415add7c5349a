"""The worker's story: begin, fetch, decode, hand over, write, leave.

One task fetches and decodes at most one batch ahead of the other, which writes. Beside them one
keeps house, one keeps summaries up to date, and three watch Kafka and Postgres. The database alone says where each partition is
read from.
"""

import asyncio
import random
import time
from datetime import UTC, datetime

from consumer import log
from consumer.errors import LostPartition, OutcomesError, Transient, UsageError
from consumer.ingest.batch import Batch, Books
from consumer.ingest.decode import TURN_SECONDS, Rules, decode
from consumer.ingest.records import RawRecord
from consumer.settings import Settings
from consumer.sources import kafka_client
from consumer.sources.kafka_client import OffsetOutOfRange
from consumer.store.retrying import Stopped, retrying
from consumer.store.store import Store
from consumer.worker.beginning import Beginning
from consumer.worker.housekeeping import Housekeeping
from consumer.worker.metrics import Metrics
from consumer.worker.outages import Outages
from consumer.worker.partitions import LeaseEnded, Partitions, Read, named
from consumer.worker.summarizing import Summarizing
from consumer.worker.until_end import UntilEnd
from consumer.worker.watch import Watch
from schemas.events import HEARTBEAT

_logger = log.get("worker")

SLICE = 250
"""Most records of one fetch: decoded in about 4 ms, unless somebody made them slow to read."""

QUIET_SECONDS = 0.2
"""How long one fetch waits when the topic has nothing new."""

BUSY_SECONDS = 0.002
"""Wait for a fetch, or for the writer, while the writer is busy."""

AGAIN_SECONDS = 1.0
"""Pause after a fetch that failed."""

LEAVING_SECONDS = 1.0
"""How long a Kafka that has just not answered is given to let us leave the group."""


class Worker:
    """One member of the consumer group. `run` returns when it was told to stop, or raises `Fatal`.

    With `until_end`, it returns once all that was in the topics is written, by whomever, or where it makes no progress:
    `unfinished` tells. A topic that does not exist is a `UsageError`.
    """

    def __init__(self, settings: Settings, store: Store, metrics: Metrics, *, until_end: bool = False) -> None:
        self._settings = settings
        self._store = store
        self._metrics = metrics
        self._rules = Rules.of(settings)
        self._outages = Outages(metrics)
        self._partitions = Partitions(settings, store, metrics, self._outages)
        self._beginning = Beginning(settings, store, metrics, self._outages)
        self._watch = Watch(settings, store, self._partitions, self._outages)
        self._housekeeping = Housekeeping(settings, store, metrics, self._partitions, self._outages)
        self._until_end = UntilEnd(settings, store, self._partitions, self._outages) if until_end else None
        self.health, self.books = self._outages.health, Books()

    def stop(self) -> None:
        """Asks for an orderly end: what has been read is written, then the group is left."""
        self._outages.stop()

    def unfinished(self) -> str | None:
        """What is missing, where `until_end` was not reached."""
        return self._until_end.unfinished() if self._until_end else None

    async def run(self) -> None:
        """Consumes until `stop`. Raises `Fatal`; whatever happens, nothing that was read is half written."""
        fetching = asyncio.create_task(self._fetching(), name="fetching")
        others = {
            asyncio.create_task(self._writing(), name="writing"),
            asyncio.create_task(self._housekeeping.run(), name="housekeeping"),
            asyncio.create_task(Summarizing(self._store, self._partitions.idle, self._outages).run(), name="summarizing"),
            asyncio.create_task(self._watch.ask_kafka(), name="asking kafka"),
            asyncio.create_task(self._watch.ask_postgres(), name="asking postgres"),
            asyncio.create_task(self._watch.tell(), name="telling"),
        }
        if self._until_end:
            others.add(asyncio.create_task(self._until_end.run(), name="going to the end"))
        stopping = asyncio.create_task(self._outages.stopping.wait(), name="stopping")
        try:
            done, _ = await asyncio.wait({fetching, *others, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()  # a task that ends by itself has failed: its error stops the service
            await self._drain(fetching, others)
        finally:
            for task in (fetching, *others, stopping):
                task.cancel()
            await asyncio.gather(fetching, *others, stopping, return_exceptions=True)
            try:
                await self._leave()
            finally:
                await self._store.close()

    # -- begin --

    async def _fetching(self) -> None:
        try:
            topics = self._settings.topic
            await self._outages.patiently(lambda: self._store.remove_names(self._settings.people), "postgres")
            newest = await self._outages.patiently(lambda: self._store.newest_times(topics, HEARTBEAT), "postgres")
            self._metrics.heard(*newest)
            await self._join()
            while not self._outages.stopping.is_set():
                await self._turn()
        except Stopped:
            _logger.info("stopped_while_waiting", waiting_for=self.health.waiting_for)

    async def _join(self) -> None:
        async def start() -> None:
            try:
                await self._partitions.source.start()
                missing = await self._missing_topics()
                self._partitions.source.join()
            except BaseException:
                await self._partitions.replace_client()
                raise
            if missing:
                self._beginning.appeared |= set(missing)
                near = {topic: names for topic, names in missing.items() if names}
                _logger.warning("topics_missing", topics=list(missing), near=near, note="waiting until they exist")

        await self._outages.patiently(start, "kafka")
        self._partitions.lease.heard = time.monotonic()
        self._partitions.refresh_readiness()

    async def _missing_topics(self) -> dict[str, list[str]]:
        missing = await self._partitions.source.missing_topics()
        if missing and self._until_end:
            await asyncio.sleep(AGAIN_SECONDS)  # brokers do not hear at once of a topic that was made just now
            if missing := await self._partitions.source.missing_topics():
                names = " and no topic ".join(topic + kafka_client.or_rather(near) for topic, near in missing.items())
                raise UsageError(f"Kafka has no topic {names} that we may read, and --until-end waits for none")
        return missing

    async def _turn(self) -> None:
        self.health.last_progress = time.monotonic()
        try:
            if await self._beginning.locate(self._partitions.lease):
                self._partitions.refresh_readiness()
            await self._next_batch()
            if self._watch.give_up_client_if_stuck():
                self._metrics.rebuilds.inc()
                await self._partitions.replace_client()
                await self._join()
        except LeaseEnded:
            pass  # what was read is dropped; the next turn begins with the lease that there is by then
        except LostPartition as error:
            await self._partitions.lost(error)
        except OffsetOutOfRange:
            self._partitions.locate_again()
        except Transient as error:
            self._outages.report("kafka")(error, AGAIN_SECONDS)
            await asyncio.sleep(AGAIN_SECONDS)

    # -- fetch and decode --

    async def _next_batch(self) -> None:
        lease = self._partitions.lease
        read, deadline = Read(lease), float("inf")
        batch = read.batch
        while not self._outages.stopping.is_set():
            quiet, idle = not batch.moves, self._partitions.idle.is_set()
            room = min(SLICE, self._settings.batch_size - batch.events)
            try:
                records = await lease.fetch(room, QUIET_SECONDS if quiet else 0 if idle else BUSY_SECONDS)
            except (OffsetOutOfRange, Transient) as error:
                lease.rewind()
                if batch.moves:
                    await self._hand_over(read)
                # OffsetOutOfRange makes all partitions begin again at the database's position, and Kafka may no longer have
                # what was read: it is written first. After other errors the lease goes on behind what was read.
                if isinstance(error, OffsetOutOfRange):
                    await self._until_idle()
                raise
            if self.health.waiting_for == "kafka":
                self._partitions.refresh_readiness()
            if quiet and records:
                deadline = time.monotonic() + self._settings.batch_seconds
            now = datetime.now(UTC)
            new = [record for partition, fetched in records for record in read.take(partition, fetched)]
            await self._decode(batch, new, now)
            self.health.last_progress = time.monotonic()
            full = batch.events >= self._settings.batch_size or batch.bytes >= self._settings.batch_bytes
            due = full or (idle and (not records or time.monotonic() >= deadline))
            if batch.moves and due:
                break
            if quiet and not records:
                return
            await asyncio.sleep(0)  # the writer's turn
        if batch.moves:
            await self._hand_over(read)

    async def _decode(self, batch: Batch, records: list[RawRecord], now: datetime) -> None:
        turn = time.monotonic()
        for record in records:
            batch.add(decode(record, self._rules, now))
            batch.bytes += len(record.value or b"")
            if time.monotonic() - turn > TURN_SECONDS:  # else slow records would cost the place in the group
                await asyncio.sleep(0)
                turn = self.health.last_progress = time.monotonic()

    # -- hand over --

    async def _hand_over(self, read: Read) -> None:
        """One batch is being written and this one waits: what Kafka sends now stays in Kafka."""
        with self._outages.stay_alive():
            await read.stage()
        await self._until_idle()
        read.hand_over()

    async def _until_idle(self) -> None:
        while not self._partitions.idle.is_set():
            await self._outages.pause(BUSY_SECONDS)

    # -- write --

    async def _writing(self) -> None:
        while True:
            read = await self._partitions.handed.get()
            try:
                await self._write(read)
            except LostPartition as error:
                await self._partitions.lost(error)
            finally:
                self._partitions.idle.set()

    async def _write(self, read: Read) -> None:
        begun = time.monotonic()
        try:
            books = await retrying(read.write, on_failure=self._outages.report("postgres"), jitter=random.random)
        except LeaseEnded:
            books = {}  # the partitions' next owner reads it again
        self._partitions.refresh_readiness()
        if books:
            total = sum(books.values(), Books())
            self.books = self.books + total
            self._report(read.batch, total, time.monotonic() - begun)

    def _report(self, batch: Batch, total: Books, seconds: float) -> None:
        positions = {named(partition): move.new for partition, move in batch.moves.items()}
        if not total.consumed:
            _logger.info("positions_advanced", positions=positions)
            return
        newest = max(batch.last_event_time().values(), default=None)
        heartbeat = max((i.event_time for i in batch.ignored if i.event_name == HEARTBEAT and i.event_time), default=None)
        self._metrics.wrote(total, seconds, [r.reason for r in self._store.rejected], newest, heartbeat)
        _logger.info(
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

    # -- leave --

    async def _drain(self, fetching: asyncio.Task[None], others: set[asyncio.Task[None]]) -> None:
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await fetching
                await self._all_written(others)
                self._housekeeping.advance_positions()
                await self._all_written(others)
        except TimeoutError:
            _logger.warning("drain_unfinished", seconds=self._settings.drain_seconds, note="what was not written is read again")

    async def _all_written(self, others: set[asyncio.Task[None]]) -> None:
        while not self._partitions.idle.is_set():
            await asyncio.sleep(0.01)
            for task in others:
                if task.done():
                    task.result()

    async def _leave(self) -> None:
        begun, source = time.monotonic(), self._partitions.source
        try:
            await source.commit(self._partitions.lease.written())
        except OutcomesError as error:
            _logger.info("offsets_not_committed", error=str(error))
        try:
            # Commit and leave share one timeout: a broker that hangs must not cost it twice.
            async with asyncio.timeout(max(LEAVING_SECONDS, kafka_client.REQUEST_SECONDS - (time.monotonic() - begun))):
                await source.stop()
        except (OutcomesError, TimeoutError) as error:
            _logger.warning("left_group_without_answer", error=str(error) or "Kafka does not answer in time")
