"""`outcomes` with less patience for Kafka: `python -m tests.faults.hasty ARGUMENTS…`.

A request may take three seconds and not ten, so that what is bounded by the time of a request is seen sooner.
"""

from consumer import worker
from consumer.cli import main
from consumer.sources import kafka

REQUEST_SECONDS = 3.0
END_SECONDS = 5.0

if __name__ == "__main__":
    kafka.REQUEST_SECONDS = REQUEST_SECONDS
    worker.END_SECONDS = END_SECONDS
    main()
