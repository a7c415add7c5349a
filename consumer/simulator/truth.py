"""What the projection must hold once every message is consumed, recorded by the sender."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from consumer.simulator.posting import Event

Key = tuple[str, str, int]
"""Kind, tenant, local id."""


@dataclass(slots=True)
class Known:
    """What was sent about one object."""

    order: tuple[str, str, str]
    """event_time, event_name, updated_at ("" where absent) of the newest: ISO times of one length sort as text."""
    bodies: list[dict[str, Any]]
    """The newest body; several where two different ones tie, and then any of them may win."""
    versions: int


@dataclass(slots=True)
class Truth:
    """Counts and, for every object, the state it must have."""

    events: int = 0
    duplicates: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    poison: Counter[str] = field(default_factory=Counter)
    objects: dict[Key, Known] = field(default_factory=dict)
    _seen: set[bytes] = field(default_factory=set)

    @property
    def versions(self) -> int:
        """Distinct versions sent."""
        return sum(known.versions for known in self.objects.values())

    def sent(self, event: Event) -> None:
        """Records an event that was sent."""
        self.events += 1
        if not event.kind:
            self.ignored[event.name] += 1
            return
        body = json.dumps(event.body, sort_keys=True)
        identity = f"{event.name}|{event.root_account_uuid}|{event.id}|{event.metadata['event_time']}|{body}"
        digest = blake2b(identity.encode(), digest_size=12).digest()
        if digest in self._seen:
            self.duplicates += 1
            return
        self._seen.add(digest)
        order = (event.metadata["event_time"], event.name, event.body.get("updated_at", ""))
        key = (event.kind, event.root_account_uuid, event.id)
        known = self.objects.get(key)
        if known is None:
            self.objects[key] = Known(order, [event.body], 1)
            return
        known.versions += 1
        if order > known.order:
            known.order, known.bodies = order, [event.body]
        elif order == known.order:
            known.bodies.append(event.body)

    def poisoned(self, reason: str) -> None:
        """Records a message that must end in quarantine."""
        self.events += 1
        self.poison[reason] += 1

    def lines(self) -> Iterator[str]:
        """As NDJSON: the counts, then a line for each object."""
        counts = {"events": self.events, "duplicates": self.duplicates, "versions": self.versions}
        yield json.dumps(counts | {"ignored": dict(sorted(self.ignored.items())), "poison": dict(sorted(self.poison.items()))})
        for (kind, tenant, id_), known in self.objects.items():
            event_time, event_name, updated_at = known.order
            yield json.dumps(
                {
                    "kind": kind,
                    "root_account_uuid": tenant,
                    "id": id_,
                    "versions": known.versions,
                    "event_time": event_time,
                    "event_name": event_name,
                    "updated_at": updated_at,
                    "bodies": known.bodies,
                }
            )

    @classmethod
    def read(cls, lines: Iterable[str]) -> "Truth":
        """The truth that `lines` wrote, for comparing: it cannot record further events."""
        rest = iter(lines)
        counts = json.loads(next(rest))
        truth = cls(counts["events"], counts["duplicates"], Counter(counts["ignored"]), Counter(counts["poison"]))
        for line in rest:
            known = json.loads(line)
            order = (known["event_time"], known["event_name"], known["updated_at"])
            truth.objects[known["kind"], known["root_account_uuid"], known["id"]] = Known(
                order, known["bodies"], known["versions"]
            )
        return truth
