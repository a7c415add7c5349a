"""Replays captured files: files -> batches -> transactions, as for a topic.

A file's identity is the digest of its bytes: it is read once, whatever its name, and a second replay continues the first.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from consumer import log
from consumer.errors import BrokenCapture, ChangedCapture, Fatal, LostPartition, NothingUnderstood, Transient
from consumer.ingest.batch import Batch, Books, Partition
from consumer.ingest.decode import TURN_SECONDS, Rules, decode
from consumer.ingest.texts import SIGNED
from consumer.settings import Settings
from consumer.sources.files import RecordChunk, records, source_of
from consumer.sources.finding import Capture
from consumer.sources.producing import produce
from consumer.store.retrying import StoppableRetry, Stopped
from consumer.store.store import Store
from schemas.base import Reason

GO_ON = "replay it again to go on from here"
"""Advice for a file that was not read to its end."""
NOTHING_KEPT = "a dry run keeps nothing, so that the next one does it all again"
"""The same for a dry run."""

FORMS = "JSON (a value a line, or one after the other), JSON within lines of a log, and CSV"
"""The readable forms of a file, in a few words."""


@dataclass(frozen=True, slots=True)
class FileReplay:
    """The result for one file."""

    label: str
    source: str
    books: Books
    resumed_at: int
    """The first position that was read: 1, or where an earlier replay ended."""
    trouble: str | None
    """Why it was not read to its end; None if it was."""
    understood: bool = True
    """Whether it contains an event; if not, nothing of it was stored."""


@dataclass(frozen=True, slots=True)
class Progress:
    """For a progress bar. Bytes are of the stored file, before unpacking."""

    label: str
    read: int
    size: int | None
    events: int


@dataclass(slots=True)
class FileSent:
    """The result of sending one file."""

    label: str
    sent: int = 0
    """Records. Confirmed by Kafka once all files are sent."""
    trouble: str | None = None
    """Why it was not sent to its end; None if it was."""


class Sending:
    """Sends the records of captured files to a topic, unchanged. Raises `Transient` or `Fatal`.

    All records of a file have one key, so one partition has them in their order.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Sends no further record."""
        self._stopped.set()

    async def run(self, captures: Sequence[Capture], show: Callable[[Progress], None]) -> list[FileSent]:
        """Sends all files; goes on after a file that cannot be read to its end."""
        done = [FileSent(capture.label) for capture in captures]
        try:
            await produce(self._settings, self._messages(captures, done, show))
        except (Fatal, Transient) as error:
            some = "; the records before may be in the topic, and sending them again does no harm"
            raise type(error)(f"{self._topic}: {error}{some if any(file.sent for file in done) else ''}") from error
        return done

    async def _messages(
        self, captures: Sequence[Capture], done: Sequence[FileSent], show: Callable[[Progress], None]
    ) -> AsyncGenerator[tuple[str, bytes | None, bytes | None]]:
        for capture, file in zip(captures, done, strict=True):
            try:
                source = await asyncio.to_thread(source_of, capture)
                chunks = records(capture, source, start=1, max_record_bytes=self._settings.max_record_bytes)
                while not self._stopped.is_set() and (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
                    for record in chunk.records:
                        if self._stopped.is_set():
                            break
                        yield self._topic, source.encode(), record.value
                        file.sent += 1
                    show(Progress(capture.label, chunk.read, capture.size, file.sent))
            except BrokenCapture as error:
                file.trouble = str(error)
            if self._stopped.is_set():
                file.trouble = f"{capture.label}: stopped; what was sent stays in the topic, and sending it again does no harm"


class Replay:
    """Replays files one after the other. Raises `Fatal`; waits while Postgres is away, and says so to `say`.

    `again`: reads files from their start even if they were read before; stored events count as duplicates.
    """

    def __init__(
        self,
        store: Store,
        rules: Rules,
        *,
        batch_size: int,
        batch_bytes: int,
        say: Callable[[str], None],
        again: bool = False,
        dry_run: bool = False,
    ) -> None:
        self._store = store
        self._rules = rules
        self._batch_size = batch_size
        self._batch_bytes = batch_bytes
        self._retry = StoppableRetry(say, "replay")
        self._again = again
        self._advice = NOTHING_KEPT if dry_run else GO_ON
        self._log = log.get("replay")

    def stop(self) -> None:
        """Stops after the batch that is being written, or at once if Postgres is away. A later replay continues."""
        self._retry.stop()

    async def run(self, captures: Sequence[Capture], show: Callable[[Progress], None]) -> list[FileReplay]:
        """Replays all files; goes on after a file that cannot be read to its end."""
        done = []
        for capture in captures:
            if self._retry.stopped:
                done.append(FileReplay(capture.label, "", Books(), 1, f"{capture.label}: stopped before it was read"))
            else:
                done.append(await self._file(capture, show))
        return done

    async def _file(self, capture: Capture, show: Callable[[Progress], None]) -> FileReplay:
        begun = time.monotonic()
        total = Books()
        trouble: str | None = None
        source, start, at, opened, understood = "", 1, 1, False, True
        try:
            source = await asyncio.to_thread(source_of, capture)
            partition = Partition(source, 0)
            await self._retry.patiently(lambda: self._store.remove_names(self._rules.people))
            known = (await self._retry.patiently(lambda: self._store.positions([partition]))).get(partition, 1)
            start = 1 if self._again else known
            async with aclosing(self._staged(self._batches(capture, partition, start))) as batches:
                async for batch, read in batches:
                    if batch.moves:
                        if not opened:
                            await self._open(partition, known, start, capture.label)
                            opened = True
                        books = await self._retry.patiently(partial(self._store.write, batch))
                        at = batch.moves[partition].new
                        total = sum(books.values(), total)
                    show(Progress(capture.label, read, capture.size, total.consumed))
                    if self._retry.stopped:
                        trouble = f"{capture.label}: stopped; {self._advice}"
                        break
        except NothingUnderstood as error:
            trouble, understood = str(error), False
        except BrokenCapture as error:
            trouble = str(error)
            if isinstance(error, ChangedCapture) and opened:
                await self._move_to_start(Partition(source, 0), at)
        except LostPartition:
            trouble = f"{capture.label}: another replay is reading the same file and goes on; nothing is lost"
        except Stopped:
            trouble = f"{capture.label}: stopped while waiting for Postgres; {self._advice}"
        self._log.info(
            "file",
            label=capture.label,
            source=source,
            resumed_at=start,
            **total.as_json(),
            seconds=round(time.monotonic() - begun, 3),
            trouble=trouble,
        )
        return FileReplay(capture.label, source, total, start, trouble, understood)

    async def _move_to_start(self, partition: Partition, at: int) -> None:
        """For a file that changed while it was read: the records may not be the ones of this digest."""
        try:
            await self._retry.patiently(lambda: self._store.begin_again(partition, at))
        except (LostPartition, Stopped) as error:
            self._log.warning("position_kept", source=partition.source, at=at, reason=type(error).__name__)

    async def _open(self, partition: Partition, known: int, start: int, label: str) -> None:
        """Creates the file's position; with `again`, moves it back to the start."""
        await self._retry.patiently(lambda: self._store.open_position(partition, known, label))
        if known != start:
            await self._retry.patiently(lambda: self._store.begin_again(partition, known))

    async def _batches(self, capture: Capture, partition: Partition, start: int) -> AsyncGenerator[tuple[Batch, int]]:
        """(batch, bytes read so far). An error of the file comes after all readable batches.

        Raises `NothingUnderstood`, before the first batch, if there is no event in the whole file.
        """
        understood = start > 1
        async with aclosing(self._decoded(capture, partition, start)) as batches:
            async for batch, read, broken in batches:
                if not understood and batch.events and not _has_event(batch):
                    if broken is not None:
                        raise broken
                    await self._find_event(capture, partition)
                    if self._retry.stopped:  # before the answer is known
                        yield Batch(), read
                        return
                understood = understood or batch.events > 0
                yield batch, read
                if broken is not None:
                    raise broken

    async def _find_event(self, capture: Capture, partition: Partition) -> None:
        """Reads the file up to its first event, and stores nothing. Raises `NothingUnderstood` if it has none."""
        count, refused = 0, Counter[str]()
        async with aclosing(self._decoded(capture, partition, 1)) as batches:
            async for batch, _, broken in batches:
                if _has_event(batch) or self._retry.stopped:
                    return
                if broken is not None:
                    raise broken
                count += batch.events
                refused.update(_without_position(verdict.message) for verdict in batch.rejected)
                refused = Counter(dict(refused.most_common(_SENTENCES)))
        why = refused.most_common(1)[0][0]
        each = f"Each of its {count:,} records was refused, most of them as" if count > 1 else "Its one record was refused as"
        raise NothingUnderstood(
            f"{capture.label}: nothing in it was understood, and nothing of it is kept. {each} {why}. Readable forms: {FORMS}"
        )

    async def _decoded(
        self, capture: Capture, partition: Partition, start: int
    ) -> AsyncGenerator[tuple[Batch, int, BrokenCapture | None]]:
        """(batch, bytes read so far, error). Only the last batch can have an error: why the file was not read to its end."""
        chunks = records(capture, partition.source, start=start, max_record_bytes=self._rules.max_record_bytes)
        batch, at, read = Batch(), start, 0
        broken: BrokenCapture | None = None
        reading = asyncio.ensure_future(asyncio.to_thread(next, chunks, None))
        try:
            while True:
                try:
                    chunk: RecordChunk | None = await asyncio.shield(reading)
                except BrokenCapture as error:
                    broken, chunk = error, None
                if chunk is None or self._retry.stopped:
                    break
                reading = asyncio.ensure_future(asyncio.to_thread(next, chunks, None))  # while we decode this one
                read = chunk.read
                now = datetime.now(UTC)
                turn = time.monotonic()
                for record in chunk.records:
                    batch.add(decode(record, self._rules, now))
                    batch.bytes += len(record.value or b"")
                    if batch.events >= self._batch_size or batch.bytes >= self._batch_bytes:
                        batch.advance(partition, at, record.position + 1)
                        at = record.position + 1
                        yield batch, read, None
                        batch = Batch()
                    if time.monotonic() - turn > TURN_SECONDS:
                        await asyncio.sleep(0)
                        turn = time.monotonic()
                if chunk.records and chunk.records[-1].position >= at:
                    batch.advance(partition, at, chunk.records[-1].position + 1)
                    at = chunk.records[-1].position + 1
        finally:
            await asyncio.gather(reading, return_exceptions=True)  # the thread has the file open
        yield batch, read, broken

    async def _staged(self, batches: AsyncGenerator[tuple[Batch, int]]) -> AsyncGenerator[tuple[Batch, int]]:
        """The same batches. Reads, decodes and stages the next one while the caller writes one."""

        async def next_one() -> tuple[Batch, int] | None:
            if (ready := await anext(batches, None)) is not None and ready[0].moves:
                await self._store.stage_next(ready[0])
            return ready

        following = asyncio.ensure_future(next_one())
        try:
            while (ready := await following) is not None:
                following = asyncio.ensure_future(next_one())
                yield ready
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await batches.aclose()


_NO_EVENT = frozenset({Reason.NOT_JSON, Reason.UNKNOWN_SHAPE, Reason.EMPTY_ARRAY})
"""Reasons of records that may not be events at all."""
_SENTENCES = 100
"""Most different sentences that are counted."""
_POSITION = re.compile(r" (at line \d+ column \d+|byte \d+)")


def _has_event(batch: Batch) -> bool:
    """Whether the batch has an event, even a refused one, or a signed payload."""
    return bool(batch.accepted or batch.ignored) or any(
        verdict.reason not in _NO_EVENT or verdict.message.endswith(SIGNED) for verdict in batch.rejected
    )


def _without_position(message: str) -> str:
    return _POSITION.sub("", message)
