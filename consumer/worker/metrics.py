"""What `/metrics` shows, by Prometheus' own conventions. No label takes a value out of an event."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from consumer.ingest.batch import PARTS, Books, Partition


class Metrics:
    """The numbers of one worker, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter("outcomes_events", "Events by how they ended.", ["outcome"], registry=self.registry)
        for outcome in PARTS:
            self._events.labels(outcome)
        self._quarantined = Counter(
            "outcomes_quarantined", "Events that went to quarantine, by reason.", ["reason"], registry=self.registry
        )
        self._batch_seconds = Histogram(
            "outcomes_batch_seconds",
            "Time from the first statement of a batch to its commit, retries included.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
            registry=self.registry,
        )
        self._batch_events = Histogram(
            "outcomes_batch_events",
            "Events in a batch.",
            buckets=(1, 10, 100, 500, 1000, 2500, 5000, 10_000, 25_000, 100_000),
            registry=self.registry,
        )
        self._lag = Gauge(
            "outcomes_lag_records",
            "Records that are in Kafka and not yet written.",
            ["topic", "partition"],
            registry=self.registry,
        )
        self.retries = Counter(
            "outcomes_retries", "Retries while Postgres or Kafka was away.", ["system"], registry=self.registry
        )
        for system in ("postgres", "kafka"):
            self.retries.labels(system)
        self.rebuilds = Counter(
            "outcomes_client_rebuilds", "Kafka clients that the watchdog recreated.", registry=self.registry
        )
        self.lost = Counter(
            "outcomes_lost_partitions", "Batches rolled back because another worker owns the partition.", registry=self.registry
        )
        self.paused = Gauge("outcomes_paused", "1 while Postgres or Kafka is away.", registry=self.registry)
        self.ready = Gauge("outcomes_ready", "1 while /readyz answers 200.", registry=self.registry)
        self.partitions = Gauge("outcomes_partitions", "Partitions that this worker owns.", registry=self.registry)
        self._freshness = Gauge(
            "outcomes_freshness_seconds",
            "Now minus the event_time of the newest event written; NaN until there is one.",
            registry=self.registry,
        )
        self._heartbeat = Gauge(
            "outcomes_heartbeat_seconds",
            "Now minus the event_time of the newest heartbeat; NaN until there is one.",
            registry=self.registry,
        )
        self._newest: datetime | None = None
        self._newest_heartbeat: datetime | None = None

    def wrote(
        self, books: Books, seconds: float, reasons: list[str], newest: datetime | None, heartbeat: datetime | None
    ) -> None:
        """Counts one committed batch."""
        for outcome in PARTS:
            self._events.labels(outcome).inc(getattr(books, outcome))
        for reason in reasons:
            self._quarantined.labels(reason).inc()
        self._batch_seconds.observe(seconds)
        self._batch_events.observe(books.consumed)
        self.heard(newest, heartbeat)

    def heard(self, newest: datetime | None, heartbeat: datetime | None) -> None:
        """How far the feed had come by its newest event and its newest heartbeat."""
        self._newest = max((t for t in (self._newest, newest) if t), default=None)
        self._newest_heartbeat = max((t for t in (self._newest_heartbeat, heartbeat) if t), default=None)

    def lag(self, lags: dict[Partition, int]) -> None:
        """Shows the lag of what this worker owns now; partitions that went are no longer shown."""
        self._lag.clear()
        for partition, records in lags.items():
            self._lag.labels(partition.source, str(partition.partition)).set(records)

    def render(self, now: datetime) -> bytes:
        """The text for Prometheus."""
        for gauge, since in ((self._freshness, self._newest), (self._heartbeat, self._newest_heartbeat)):
            gauge.set((now - since).total_seconds() if since else float("nan"))
        return generate_latest(self.registry)
