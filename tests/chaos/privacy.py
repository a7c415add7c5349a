"""No log line of a worker may hold what is in an event."""

import re
from collections.abc import Iterable
from pathlib import Path

from consumer.simulator.truth import Truth

_ALWAYS = (b"@example.edu", b"access_token", b"Mozilla/5.0", b"192.0.2.7")
"""What the simulator writes into the metadata of requests."""
_PERSONAL = ("user_uuid", "user_name", "user_login", "user_sis_id")
"""Members of bodies that say who somebody is."""


def told_by(logs: Iterable[Path], truth: Truth) -> list[str]:
    """Sentences about logs that hold a person's uuid, name, login or SIS id, an address or a token."""
    bodies = [body for known in truth.objects.values() for body in known.bodies]
    people = {str(body[name]).encode() for body in bodies for name in _PERSONAL if name in body}
    secret = re.compile(b"|".join(map(re.escape, sorted({*people, *_ALWAYS}))))
    return [f"{log.name} holds what is in an event" for log in logs if secret.search(log.read_bytes())]
