"""Asks Kafka and Postgres whether they are there, feeds the watchdog and says what is unreachable."""

import asyncio
import time

from consumer import log
from consumer.errors import Transient
from consumer.ingest.batch import Partition
from consumer.settings import Settings
from consumer.sources import kafka_client
from consumer.store.store import Store
from consumer.worker import outages as waiting
from consumer.worker.outages import Outages
from consumer.worker.partitions import Lease, LeaseEnded, Partitions, Phase, named
from consumer.worker.watchdog import Watchdog

_logger = log.get("worker")

WATCHING_SECONDS = 3.0
"""How often Kafka is asked how far the partitions go, at most; and how long it may take for the answer."""

TELLING_SECONDS = 1.0
"""How often silences are looked for. With the container's health check an outage is told within 15 s."""

HELD_SECONDS = 2.0
"""A statement that takes longer may wait for a lock, or for a Postgres that hangs: another connection tells, in as long."""


class Watch:
    """Three tasks, apart from each other: one spends its time waiting for Kafka's answers, one for those of Postgres."""

    def __init__(self, settings: Settings, store: Store, partitions: Partitions, outages: Outages) -> None:
        self._store = store
        self._partitions = partitions
        self._outages = outages
        self._limit = settings.watchdog_seconds
        self._watchdog = Watchdog(self._limit, waiting.SILENCE_SECONDS)

    async def ask_kafka(self) -> None:
        """Often enough to tell within the watchdog's time who does not answer."""
        seconds = min(kafka_client.REQUEST_SECONDS, WATCHING_SECONDS, self._limit / 2)
        while True:
            await asyncio.sleep(min(WATCHING_SECONDS, self._limit / 4))
            lease = self._partitions.lease
            try:
                if not lease.owned:
                    await self._listen(lease, seconds)
                elif not lease.of(Phase.LOCATING):
                    await self._look(lease, seconds)
            except LeaseEnded:
                pass

    async def _listen(self, lease: Lease, seconds: float) -> None:
        """Whether Kafka is there at all, which a worker without partitions would not notice."""
        if lease.heard is not None:
            if await self._partitions.source.answers(seconds):
                lease.heard = time.monotonic()
            self.tell_silence()

    async def _look(self, lease: Lease, seconds: float) -> None:
        try:
            bounds = await lease.bounds(lease.owned, seconds)
        except Transient:
            bounds = {}
        now, polling = time.monotonic(), self._outages.polling_clock()
        for partition, it in lease.owned.items():
            bound = bounds.get(partition)
            it.reachable_again = bound if it.phase is Phase.LEADERLESS else None
            position, reading = self._partitions.source.position(partition), it.phase is Phase.READING
            it.seen.look(position, bound[1] if bound else None, now, polling, reading=reading)
        self.tell_silence()
        lease.verdict = self._watchdog.judge(lease.seen(), now, polling)

    def give_up_client_if_stuck(self) -> bool:
        """Whether a new client is needed. If so, warns, and may give the next one more time."""
        verdict, position = self._partitions.lease.verdict, self._partitions.source.position
        if verdict.all_unreachable:
            self._outages.report("kafka")(Transient("Kafka does not answer in time"), 0)
        elif any(position(partition) == at for partition, at in verdict.stuck.items()):
            self._watchdog.replaced(verdict.stuck)
        else:
            return False
        _logger.warning("client_stuck", seconds=self._limit, note="the Kafka client is replaced")
        return True

    async def tell(self) -> None:
        """Says in time who is silent."""
        while True:
            await asyncio.sleep(TELLING_SECONDS)
            self.tell_silence()

    def tell_silence(self) -> None:
        """Of partitions that are ours, or of Kafka at all where none is."""
        lease, now = self._partitions.lease, time.monotonic()
        if lease.of(Phase.LOCATING):
            return
        if lease.owned:
            for partition, it in lease.owned.items():
                it.seen.fetched(self._partitions.source.fetched_at(partition), now)
            self._tell_unreachable(lease, self._watchdog.unreachable(lease.seen(), now))
        elif lease.heard is not None and lease.silent != self._watchdog.silent(lease.heard, now):
            lease.silent = not lease.silent
            if lease.silent:
                self._outages.report("kafka")(Transient("Kafka does not answer"), WATCHING_SECONDS)
            elif self._outages.health.waiting_for != "postgres":
                self._partitions.refresh_readiness()

    def _tell_unreachable(self, lease: Lease, unreachable: frozenset[Partition]) -> None:
        """Not ready while some are out of reach. The others go on, and the client by itself once their leader is back."""
        if unreachable != lease.unreachable:
            lease.unreachable = unreachable
            event = "partitions_unreachable" if unreachable else "partitions_reachable_again"
            _logger.warning(event, partitions=sorted(map(named, unreachable)))
            if len(unreachable) == len(lease.owned):
                self._outages.report("kafka")(Transient("Kafka does not answer"), WATCHING_SECONDS)
        if unreachable and self._outages.health.waiting_for != "postgres":
            self._partitions.refresh_readiness()

    async def ask_postgres(self) -> None:
        """Tells of a Postgres that hangs long before its statement is given up: one that waits for a lock answers others."""
        while True:
            await asyncio.sleep(TELLING_SECONDS)
            since = self._store.asking_since
            if since is None or time.monotonic() - since < HELD_SECONDS or await self._store.answers(HELD_SECONDS):
                continue
            if self._store.asking_since == since:
                self._outages.report("postgres")(Transient("Postgres does not answer"), WATCHING_SECONDS)
