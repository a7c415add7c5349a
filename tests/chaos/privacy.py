"""No log line of a worker may hold what is in an event."""

import re
from collections.abc import Iterable
from pathlib import Path

from consumer.simulator.truth import Truth

_ALWAYS = (b"@example.edu", b"access_token", b"Mozilla/5.0", b"192.0.2.7")
"""What the simulator writes into the metadata of requests."""


def told_by(logs: Iterable[Path], truth: Truth) -> list[str]:
    """Sentences about logs that hold a student's uuid, a login, an address or a token."""
    students = {
        str(body["user_uuid"]).encode() for known in truth.objects.values() for body in known.bodies if "user_uuid" in body
    }
    secret = re.compile(b"|".join(map(re.escape, sorted({*students, *_ALWAYS}))))
    return [f"{log.name} holds what is in an event" for log in logs if secret.search(log.read_bytes())]
