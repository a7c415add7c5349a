"""`outcomes` with less patience: `python -m tests.faults.hasty ARGUMENTS…`.

What is bounded by the time of a request to Kafka, or of a silence that is told, is seen sooner.
"""

from consumer.commands.main import main
from consumer.sources import kafka_client
from consumer.worker import outages, until_end, watch

REQUEST_SECONDS = 3.0
END_SECONDS = 5.0
SILENCE_SECONDS = 4.0
HELD_SECONDS = 2.0

if __name__ == "__main__":
    kafka_client.REQUEST_SECONDS = REQUEST_SECONDS
    until_end.END_SECONDS = END_SECONDS
    outages.SILENCE_SECONDS = SILENCE_SECONDS
    watch.HELD_SECONDS = HELD_SECONDS
    main()
