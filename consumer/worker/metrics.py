"""What `/metrics` shows, by Prometheus' own conventions. No label takes a value out of an event."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from consumer.ingest.batch import PARTS, Books, Partition

_AGE = "Now minus the event_time of the newest {}; NaN until there is one."


class _Batches:
    """What was committed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._events = Counter("outcomes_events", "Events by how they ended.", ["outcome"], registry=registry)
        for outcome in PARTS:
            self._events.labels(outcome)
        self._quarantined = Counter(
            "outcomes_quarantined", "Events that went to quarantine, by reason.", ["reason"], registry=registry
        )
        self._seconds = Histogram(
            "outcomes_batch_seconds",
            "Time from the first statement of a batch to its commit, retries included.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
            registry=registry,
        )
        self._size = Histogram(
            "outcomes_batch_events",
            "Events in a batch.",
            buckets=(1, 10, 100, 500, 1000, 2500, 5000, 10_000, 25_000, 100_000),
            registry=registry,
        )

    def add(self, books: Books, seconds: float, reasons: list[str]) -> None:
        for outcome in PARTS:
            self._events.labels(outcome).inc(getattr(books, outcome))
        for reason in reasons:
            self._quarantined.labels(reason).inc()
        self._seconds.observe(seconds)
        self._size.observe(books.consumed)


class Metrics:
    """The numbers of one worker, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._batches = _Batches(self.registry)
        self._lag = Gauge(
            "outcomes_lag_records",
            "Records of this worker's partitions that are in Kafka and not yet written.",
            ["topic", "partition"],
            registry=self.registry,
        )
        self.retries = Counter(
            "outcomes_retries", "Retries while Postgres or Kafka was away.", ["system"], registry=self.registry
        )
        for system in ("postgres", "kafka"):
            self.retries.labels(system)
        self.rebuilds = Counter("outcomes_client_rebuilds", "Kafka clients replaced by the watchdog.", registry=self.registry)
        self.lost = Counter(
            "outcomes_lost_partitions",
            "Times that a position was not where this worker left it: another worker owns the partition, or the database was "
            "restored. The worker reads on from the database's position.",
            registry=self.registry,
        )
        self.gaps = Counter(
            "outcomes_gaps",
            "Stretches of a topic that Kafka had deleted before they were read, and that were passed over.",
            registry=self.registry,
        )
        self.paused = Gauge(
            "outcomes_paused",
            "1 while Postgres or Kafka is away; of an intake by where events came in.",
            registry=self.registry,
        )
        self._ready = Gauge("outcomes_ready", "1 while /readyz answers 200.", registry=self.registry)
        self.partitions = Gauge("outcomes_partitions", "Partitions that this worker owns.", registry=self.registry)
        newest = {"freshness": "event written", "heartbeat": "heartbeat"}
        self._ages: dict[Gauge, datetime | None] = {
            Gauge(f"outcomes_{name}_seconds", _AGE.format(what), registry=self.registry): None for name, what in newest.items()
        }
        """Gauge -> the newest time that was heard."""

    def wrote(
        self, books: Books, seconds: float, reasons: list[str], newest: datetime | None, heartbeat: datetime | None
    ) -> None:
        """Counts one committed batch."""
        self._batches.add(books, seconds, reasons)
        self.heard(newest, heartbeat)

    def heard(self, newest: datetime | None, heartbeat: datetime | None) -> None:
        """How far the feed had come by its newest event and its newest heartbeat."""
        for (gauge, before), now in zip(self._ages.items(), (newest, heartbeat), strict=True):
            self._ages[gauge] = max((time for time in (before, now) if time), default=None)

    def lag(self, lags: dict[Partition, int]) -> None:
        """Shows the lag of what this worker owns now; partitions that went are no longer shown."""
        self._lag.clear()
        for partition, records in lags.items():
            self._lag.labels(partition.source, str(partition.partition)).set(records)

    def render(self, now: datetime, *, ready: bool) -> bytes:
        """The text for Prometheus."""
        self._ready.set(ready)
        for gauge, since in self._ages.items():
            gauge.set((now - since).total_seconds() if since else float("nan"))
        return generate_latest(self.registry)


class _Merged(Collector):
    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for process, text in self._texts.items():
            for family in text_string_to_metric_families(text):
                samples = [sample._replace(labels={"process": process} | sample.labels) for sample in family.samples]
                if family.name in families:
                    families[family.name].samples += samples
                else:
                    families[family.name], family.samples = family, samples
        yield from families.values()


def merged(texts: Mapping[str, str]) -> bytes:
    """The metrics of several processes as one text; the label `process` says whose each number is."""
    return generate_latest(_Merged(texts))
