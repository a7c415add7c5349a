"""Where an intake stores events: the topic, or with `--direct` the database."""

from typing import Protocol

from consumer.ingest.decode import Rules
from consumer.intake.direct import Direct
from consumer.intake.events import Event
from consumer.settings import Settings
from consumer.sources.producing import Producer
from consumer.store.store import Store


class Outlet(Protocol):
    """Takes any number of events at the same time."""

    async def check(self) -> None:
        """Connects. Raises `Transient`, `Fatal`, or `UsageError` if the topic does not exist."""

    async def put(self, event: Event) -> None:
        """Returns once the event is stored durably. Put it again after an error: copies do no harm.

        Raises `Transient` (the system behind it is away; the event may be stored), `RecordTooLarge` (no later try helps) or
        `Fatal` (an operator has to act). Waits without a limit of time, so use `asyncio.timeout`; after that too the event may
        be stored.
        """

    async def close(self) -> None:
        """Gives up what is not stored."""


class Topic:
    """The Kafka topic; an event is stored once every in-sync replica has it. Without a key: partitions carry no meaning."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topic[0]
        self._producer = Producer(settings)

    async def check(self) -> None:
        """See `Outlet`."""
        await self._producer.check(self._topic)

    async def put(self, event: Event) -> None:
        """See `Outlet`."""
        await self._producer.send(self._topic, event.value, event.headers)

    async def close(self) -> None:
        """See `Outlet`."""
        await self._producer.close()


def outlet_of(settings: Settings, dsn: str | None, came_in: str) -> Outlet:
    """The topic, or with a database's address that database. `came_in`: `https`, or `sqs:` and the name of the queue."""
    if dsn is None:
        return Topic(settings)
    return Direct(Store(dsn, statement_seconds=settings.statement_seconds), Rules.of(settings), came_in)
