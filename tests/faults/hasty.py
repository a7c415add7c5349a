"""`outcomes` with less patience: `python -m tests.faults.hasty ARGUMENTS…`.

What is bounded by the time of a request to Kafka, or of a silence that is told, is seen sooner.
"""

from consumer import worker
from consumer.commands.main import main
from consumer.sources import kafka_client

REQUEST_SECONDS = 3.0
END_SECONDS = 5.0
TOLD_SECONDS = 4.0
HELD_SECONDS = 2.0

if __name__ == "__main__":
    kafka_client.REQUEST_SECONDS = REQUEST_SECONDS
    worker.END_SECONDS = END_SECONDS
    worker.TOLD_SECONDS = TOLD_SECONDS
    worker.HELD_SECONDS = HELD_SECONDS
    main()
