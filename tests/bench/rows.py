"""The events that are measured: 1.2 kB results of 40,000 ids, as issue trackers of schools know them: regrades in disorder."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tests.samples import iso, payload

IDS = 40_000
_BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


def events(count: int, seed: int = 1) -> Iterator[bytes]:
    """`count` result events of about 1.2 kB."""
    chance = random.Random(seed)
    event = payload("learning_outcome_result_updated")
    for _ in range(count):
        event["metadata"]["event_time"] = iso(_BEGIN + timedelta(milliseconds=chance.randrange(10**10)))
        event["body"]["id"] = str(chance.randrange(1, IDS))
        event["body"]["score"] = float(chance.randrange(6))
        yield json.dumps(event).encode()
