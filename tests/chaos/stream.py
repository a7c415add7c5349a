"""What is told: a simulated institution's messages, kept in a file for the undisturbed run, and sent while harm is done."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from confluent_kafka import KafkaError, Message, Producer

from consumer.environment import load
from consumer.errors import Transient
from consumer.ingest.batch import Partition
from consumer.simulator.feed import Feed, messages_of
from consumer.simulator.school import School, institution
from consumer.simulator.truth import Truth
from consumer.sources.kafka import lag
from tests.chaos.canvas import Canvas

TOPIC = "live-events"
PARTITIONS = 4
AT_FIRST = 0.05
"""Share of the messages that is there before the first worker starts."""
BY_FAULTS = 0.75
"""Share that comes as faults are done; so that there is always something to read for the next one."""
TRICKLE = 0.0005
"""Share that comes each second in any case: that a worker has recovered is seen by what it reads. The rest is for the end."""
POSTED = 0.2
"""Share that Canvas posts to the intake; signing one takes a millisecond."""
_PIECE = 200
"""Messages between two chances for other tasks."""


@dataclass(frozen=True, slots=True)
class Stream:
    """All messages of a seed."""

    file: Path
    """Values, one a line, in the order of sending."""
    truth_file: Path
    keys: tuple[bytes, ...]
    posted: frozenset[int]
    """Numbers of the messages that Canvas posts to the intake; the others go straight into the topic."""
    truth: Truth

    def count_copies(self, copies: int) -> None:
        """The intake brought so many messages to the topic once more: each copy is a duplicate."""
        self.truth.events += copies
        self.truth.duplicates += copies
        self.write_truth()

    def write_truth(self) -> None:
        """For `outcomes verify --truth`."""
        with self.truth_file.open("w", encoding="utf-8") as lines:
            lines.writelines(f"{line}\n" for line in self.truth.lines())


def written(folder: Path, seed: int, events: int) -> Stream:
    """Tells the institution of this seed into `folder`."""
    feed = Feed(seed, disorder=0.2, duplicates=0.05, poison=0.003, dialects=0.1)
    truth, keys, posted, chance = Truth(), [], [], random.Random(f"posted-{seed}")
    file, truth_file = folder / "told.ndjson", folder / "truth.ndjson"
    with file.open("wb") as lines:
        for number, message in enumerate(messages_of(institution(School(seed=seed, events=events, tenants=2)), feed, truth)):
            keys.append(message.key)
            # Only what becomes a row: a copy of anything else is not a duplicate in the books.
            if message.event is not None and message.event.kind and chance.random() < POSTED:
                posted.append(number)
            lines.write(message.value + b"\n")
    stream = Stream(file, truth_file, tuple(keys), frozenset(posted), truth)
    stream.write_truth()
    return stream


class Telling:
    """Sends a stream into the topic, as far as it is told to go on."""

    def __init__(self, stream: Stream, bootstrap: str, canvas: Canvas) -> None:
        self._stream = stream
        self._bootstrap = bootstrap
        self._canvas = canvas
        self.ends: dict[int, int] = dict.fromkeys(range(PARTITIONS), 0)
        """Partition -> the offset after the last message that Kafka has confirmed to us; once complete, its end."""
        self.complete = False
        """Whether all messages are in the topic."""
        self._failed: list[str] = []

    @property
    def records(self) -> int:
        """In the topic, as far as they are known."""
        return sum(self.ends.values())

    async def make_topic(self) -> None:
        """The topic, with its partitions."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
        await admin.close()

    async def run(self, share: Callable[[], float]) -> None:
        """Sends everything, as `share()`, of the faults that are planned, goes from 0 to 1."""
        # Idempotent, so that a broker that is killed while it confirms does not make two records of one message.
        producer = Producer(
            {
                "bootstrap.servers": self._bootstrap,
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.timeout.ms": 0,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
                "error_cb": self._on_error,
            }
        )
        total, sent, begun = len(self._stream.keys), 0, time.monotonic()
        with self._stream.file.open("rb") as lines:
            while sent < total:
                done = share()
                part = AT_FIRST + BY_FAULTS * done + TRICKLE * (time.monotonic() - begun)
                allowed = total if done >= 1 else min(total, round(total * part))
                if sent >= allowed or len(producer) > 50_000:
                    producer.poll(0)
                    await asyncio.sleep(0.02)
                for _ in range(min(_PIECE, allowed - sent)):
                    value = lines.readline().removesuffix(b"\n")
                    if sent in self._stream.posted:
                        self._canvas.post(value)
                    else:
                        producer.produce(TOPIC, value, self._stream.keys[sent], on_delivery=self._delivered)
                    sent += 1
                producer.poll(0)
                await asyncio.sleep(0)
                self._raise_failure()
        while len(producer):
            producer.poll(0)
            await asyncio.sleep(0.02)
            self._raise_failure()
        await self._canvas.all_stored()
        while True:
            with suppress(Transient):  # the broker is away, or has no leader yet
                found = await lag(load(kafka_bootstrap_servers=self._bootstrap), dict.fromkeys(map(_partition, self.ends), 0))
                if len(found) == PARTITIONS:
                    break
            await asyncio.sleep(0.2)
        self.ends = {partition.partition: end for partition, end in found.items()}
        self.complete = True

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed.append(f"Kafka refused a message: {error}")
            return
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        self.ends[partition] = max(self.ends[partition], offset + 1)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._failed.append(f"the producer gave up: {error}")

    def _raise_failure(self) -> None:
        if self._failed:
            raise RuntimeError(self._failed[0])


def _partition(number: int) -> Partition:
    return Partition(TOPIC, number)
