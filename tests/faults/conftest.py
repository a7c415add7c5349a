"""A broker of one's own."""

from collections.abc import Iterator

import pytest

from consumer.engines import kafka as kafka_engine
from consumer.engines.kafka import LocalKafka


@pytest.fixture(scope="session")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A broker that tests may hurt; each leaves it running."""
    if not kafka_engine.can_run_locally():
        pytest.skip("a broker of one's own needs Java and Maven")
    small = {
        "auto.create.topics.enable": "false",
        "log.cleaner.backoff.ms": "100",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.num.partitions": "1",
        # One that was killed comes back when its last session has ended, of 9 seconds by default.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
    }
    broker = LocalKafka(tmp_path_factory.mktemp("kafka"), small).start()
    yield broker
    broker.kill()
