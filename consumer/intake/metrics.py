"""What `/metrics` of an intake shows, by Prometheus' own conventions. No label takes a value out of an event."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class IntakeMetrics:
    """The numbers of one intake, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.stored = Counter(
            "outcomes_intake_stored", "Events that the topic, or with --direct the database, has.", registry=self.registry
        )
        self.refused = Counter(
            "outcomes_intake_refused", "What came in and was not taken, by reason.", ["reason"], registry=self.registry
        )
        self.seconds = Histogram(
            "outcomes_intake_seconds",
            "Time from the arrival of an event until it was stored.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
            registry=self.registry,
        )
        self.given_back = Counter(
            "outcomes_intake_given_back",
            "Messages that went back to the queue, for they could not be stored.",
            registry=self.registry,
        )
        self.spooled = Counter(
            "outcomes_intake_spooled", "Events that went to the spool first, for the topic was away.", registry=self.registry
        )
        self.spool_events = Gauge("outcomes_intake_spool_events", "Events in the spool.", registry=self.registry)
        self.spool_bytes = Gauge("outcomes_intake_spool_bytes", "Bytes of the spool's files.", registry=self.registry)
        self.paused = Gauge(
            "outcomes_paused",
            "1 while Postgres or Kafka is away, by `https`, or `sqs:` and the queue.",
            ["came_in"],
            registry=self.registry,
        )
        self.in_flight = Gauge("outcomes_intake_in_flight", "Events that are being stored.", registry=self.registry)
        self.ready = Gauge("outcomes_ready", "1 while /readyz answers 200.", registry=self.registry)

    def render(self, *, ready: bool) -> bytes:
        """The text for Prometheus."""
        self.ready.set(ready)
        return generate_latest(self.registry)
