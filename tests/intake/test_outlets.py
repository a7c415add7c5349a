"""Where an intake stores events: once `put` has returned, they are there."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from consumer.app import connected
from consumer.errors import LostPartition, RecordTooLarge, Transient
from consumer.ingest.batch import Batch, Books, Partition
from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import RawRecord
from consumer.intake.direct import Direct
from consumer.intake.events import HEADER, Event, events_of
from consumer.intake.outlet import Topic
from consumer.query.verify import verify
from consumer.settings import Settings
from consumer.store.store import Store
from tests.postgres import writing
from tests.samples import result

MakeTopic = Callable[..., Awaitable[str]]


def events(count: int) -> list[Event]:
    """Different ones, as an intake publishes them."""
    return [
        event
        for number in range(1, count + 1)
        for event in events_of(orjson.dumps(result(id=number)), {HEADER: "https"}, drop_personal=True)
    ]


def direct(dsn: str) -> Direct:
    """An intake's own writer."""
    return Direct(Store(dsn, statement_seconds=30), Rules(), "https")


async def books(dsn: str) -> Books:
    """Of the intake."""
    async with connected(dsn) as connection:
        return await writing.books(connection)


async def digest(dsn: str) -> str:
    """Of all rows."""
    async with connected(dsn) as connection:
        return (await verify(connection)).digest


async def test_the_topic_has_the_record_with_its_headers(kafka_bootstrap: str, topic: MakeTopic) -> None:
    """Once put, each event is one record of the topic, and says where it came in."""
    name = await topic(2)
    outlet = Topic(Settings(kafka_bootstrap_servers=kafka_bootstrap, topic=(name,)))
    sent = events(20)
    await asyncio.gather(*map(outlet.put, sent))
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(name, 0), TopicPartition(name, 1)])
        await consumer.seek_to_beginning()
        found = [await asyncio.wait_for(consumer.getone(), 20) for _ in sent]
    finally:
        await consumer.stop()
        await outlet.close()
    assert sorted(record.value for record in found) == sorted(event.value for event in sent)
    assert {(record.key, record.headers) for record in found} == {(None, ((HEADER, b"https"),))}


async def test_a_record_that_the_topic_does_not_take_harms_no_other(kafka_bootstrap: str, topic: MakeTopic) -> None:
    """It is refused for good; those beside it are stored."""
    name = await topic(1, **{"max.message.bytes": "20000"})
    outlet = Topic(Settings(kafka_bootstrap_servers=kafka_bootstrap, topic=(name,)))
    large = Event(b'{"metadata":{},"body":"' + b"x" * 50_000 + b'"}')
    answers = await asyncio.gather(*map(outlet.put, [*events(3), large]), return_exceptions=True)
    await outlet.close()
    assert [type(answer) for answer in answers] == [type(None)] * 3 + [RecordTooLarge]


async def test_a_broker_that_is_away_is_transient() -> None:
    """Who puts an event learns that it is not stored."""
    outlet = Topic(Settings(kafka_bootstrap_servers="localhost:1"))
    with pytest.raises(Transient, match="no Kafka at"):
        await outlet.put(events(1)[0])
    await outlet.close()


async def test_direct_keeps_books_and_counts_a_second_delivery_as_duplicate(database: str) -> None:
    """Each delivery is one event of the books; a second delivery changes nothing else."""
    outlet = direct(database)
    await asyncio.gather(*map(outlet.put, events(30)))
    once = await digest(database)
    await asyncio.gather(*map(outlet.put, events(30)))
    await outlet.close()
    assert await books(database) == Books(applied=30, duplicate=30)
    assert await digest(database) == once


async def test_two_processes_share_the_source(database: str) -> None:
    """Whoever loses the position writes again: all events are there, and none is counted twice."""
    one, other = direct(database), direct(database)
    for begin in range(0, 40, 8):
        await asyncio.gather(*(put(event) for put in (one.put, other.put) for event in events(40)[begin : begin + 8]))
    await one.close()
    await other.close()
    assert await books(database) == Books(applied=40, duplicate=40)


async def test_who_gave_up_is_not_written_with_the_rest(database: str) -> None:
    """An event whose sender has had its answer is left out of the next batch, so that it is counted once."""
    outlet = direct(database)
    given_up, waits = (asyncio.create_task(outlet.put(event)) for event in events(2))
    asyncio.get_running_loop().call_soon(given_up.cancel)
    await asyncio.gather(given_up, return_exceptions=True)
    await waits
    await outlet.close()
    assert await books(database) == Books(applied=1)


async def test_all_learn_that_their_batch_failed(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told that an event is stored that is not, and the next batch is written."""
    outlet, write = direct(database), Store.write

    async def fails(*_: object) -> None:
        raise Transient("away")

    monkeypatch.setattr(Store, "write", fails)
    answers = await asyncio.gather(*map(outlet.put, events(5)), return_exceptions=True)
    assert all(isinstance(answer, Transient) for answer in answers)
    monkeypatch.setattr(Store, "write", write)
    await asyncio.gather(*map(outlet.put, events(5)))
    await outlet.close()
    assert await books(database) == Books(applied=5)


async def test_direct_makes_what_topic_and_worker_make(database: str, another_database: str) -> None:
    """The same stream, in whatever batches, gives the same rows as read from a topic."""
    stream = [*events(30), Event(b'{"metadata":{"event_name":"learning_outcome_created"},"body":1}')]
    outlet = direct(database)
    await asyncio.gather(*map(outlet.put, stream))
    await outlet.close()
    store, partition, batch = Store(another_database, statement_seconds=30), Partition("topic", 0), Batch()
    for offset, event in enumerate(stream):
        batch.add(decode(RawRecord("topic", 0, offset, event.value), Rules(), datetime.now(UTC)))
    batch.advance(partition, 0, len(stream))
    await store.open_position(partition, 0)
    await store.write(batch)
    await store.close()
    assert await digest(database) == await digest(another_database)


async def test_losing_every_race_is_not_success(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event is never called stored because its writer is tired."""

    async def loses(*_: object) -> None:
        raise LostPartition("moved")

    monkeypatch.setattr(Store, "write", loses)
    outlet = direct(database)
    with pytest.raises(Transient):
        await outlet.put(events(1)[0])
    await outlet.close()
