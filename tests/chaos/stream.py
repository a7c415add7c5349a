"""What is told: a simulated institution's messages, kept in a file for the undisturbed run, and sent while harm is done."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from confluent_kafka import KafkaError, Message, Producer

from consumer.simulator.feed import Feed, messages_of
from consumer.simulator.school import School, institution
from consumer.simulator.truth import Truth

TOPIC = "live-events"
PARTITIONS = 4
AT_FIRST = 0.05
"""Share of the messages that is there before the first worker starts."""
BY_FAULTS = 0.75
"""Share that comes as faults are done; so that there is always something to read for the next one."""
TRICKLE = 0.0005
"""Share that comes each second in any case: that a worker has recovered is seen by what it reads. The rest is for the end."""
_PIECE = 200
"""Messages between two chances for other tasks."""


@dataclass(frozen=True, slots=True)
class Stream:
    """All messages of a seed."""

    file: Path
    """Values, one a line, in the order of sending."""
    truth_file: Path
    keys: tuple[bytes, ...]
    truth: Truth


def written(folder: Path, seed: int, events: int) -> Stream:
    """Tells the institution of this seed into `folder`."""
    feed = Feed(seed, disorder=0.2, duplicates=0.05, poison=0.003, dialects=0.1)
    truth, keys = Truth(), []
    file, truth_file = folder / "told.ndjson", folder / "truth.ndjson"
    with file.open("wb") as lines:
        for message in messages_of(institution(School(seed=seed, events=events, tenants=2)), feed, truth):
            keys.append(message.key)
            lines.write(message.value + b"\n")
    with truth_file.open("w", encoding="utf-8") as lines_of_truth:
        lines_of_truth.writelines(f"{line}\n" for line in truth.lines())
    return Stream(file, truth_file, tuple(keys), truth)


class Telling:
    """Sends a stream into the topic, as far as it is told to go on."""

    def __init__(self, stream: Stream, bootstrap: str) -> None:
        self._stream = stream
        self._bootstrap = bootstrap
        self.ends: dict[int, int] = dict.fromkeys(range(PARTITIONS), 0)
        """Partition -> the offset after the last message that Kafka has confirmed."""
        self._failed: list[str] = []

    @property
    def confirmed(self) -> int:
        """Messages in the topic."""
        return sum(self.ends.values())

    @property
    def complete(self) -> bool:
        """Whether all messages are in the topic."""
        return self.confirmed == len(self._stream.keys)

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
                    producer.produce(TOPIC, value, self._stream.keys[sent], on_delivery=self._delivered)
                    sent += 1
                producer.poll(0)
                await asyncio.sleep(0)
                self._raise_failure()
        while len(producer):
            producer.poll(0)
            await asyncio.sleep(0.02)
            self._raise_failure()

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
