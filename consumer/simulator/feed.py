"""The feed of an institution: out of order, repeated, sometimes lost, in several dialects, with poison in between."""

import heapq
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from consumer.simulator.posting import Event
from consumer.simulator.truth import Truth


@dataclass(frozen=True, slots=True)
class Feed:
    """Shares are from 0 to 1."""

    seed: int = 1
    disorder: float = 0.1
    """Share of messages that arrive later than they were sent."""
    window: int = 500
    """By how many messages, at most."""
    late: float = 0.001
    """Share of messages that arrive at the very end, months late."""
    duplicates: float = 0.02
    losses: float = 0.0
    poison: float = 0.0
    dialects: float = 0.0
    """Share of messages in another dialect than the published one."""

    def __post_init__(self) -> None:
        for name in ("disorder", "late", "duplicates", "losses", "poison", "dialects"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share from 0 to 1")
        if self.window < 1:
            raise ValueError("window is at least 1")


@dataclass(frozen=True, slots=True)
class Message:
    """A record as it lies in the topic."""

    key: bytes
    """Random, as Canvas' keys are: it groups and orders nothing."""
    value: bytes
    event: Event | None = None
    """What Canvas would post for it; None where Canvas posts nothing like it: poison, other dialects."""


def messages_of(events: Iterable[Event], feed: Feed, truth: Truth) -> Iterator[Message]:
    """Messages in the order of their arrival; `truth` records all that is in them."""
    chance = random.Random(f"feed-{feed.seed}")
    waiting: list[tuple[int, int, Message]] = []
    late: list[Message] = []
    for number, message in enumerate(_sent(events, feed, truth, chance)):
        if chance.random() < feed.late:
            late.append(message)
            continue
        delay = chance.randrange(1, feed.window + 1) if chance.random() < feed.disorder else 0
        heapq.heappush(waiting, (number + delay, number, message))
        while waiting and waiting[0][0] <= number:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]
    yield from late


def _sent(events: Iterable[Event], feed: Feed, truth: Truth, chance: random.Random) -> Iterator[Message]:
    poisons = _endless(list(_POISONS.items()))
    template: Event | None = None
    for event in events:
        if event.kind == "learning_outcome_result":
            template = event
        if template is not None and chance.random() < feed.poison:
            reason, spoil = next(poisons)
            truth.poisoned(reason)
            yield _message(chance, spoil(template))
        if chance.random() < feed.losses:
            continue
        copies = 2 if chance.random() < feed.duplicates else 1
        for _ in range(copies):
            truth.sent(event)
            if chance.random() < feed.dialects:
                yield _message(chance, _dialect(event, chance))
            else:
                yield _message(chance, _json(published(event)), event)


def _message(chance: random.Random, value: bytes, event: Event | None = None) -> Message:
    return Message(str(chance.randrange(1000)).encode(), value, event)


def _endless(items: list[tuple[str, Callable[[Event], bytes]]]) -> Iterator[tuple[str, Callable[[Event], bytes]]]:
    while True:
        yield from items


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def published(event: Event) -> dict[str, Any]:
    """As Canvas posts it."""
    return {"metadata": event.metadata, "body": event.body}


# -- dialects: the same event, written in other ways --


def _sqs(inner: Any) -> dict[str, Any]:
    return {"MessageId": "m", "ReceiptHandle": "r", "Body": json.dumps(inner), "Attributes": {"SentTimestamp": "1736754000000"}}


def _sns(inner: Any) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "n",
        "TopicArn": "arn:aws:sns:us-east-1:0:events",
        "Message": json.dumps(inner),
    }


def _ids_as_integers(event: Event) -> dict[str, Any]:
    body = {name: int(value) if _is_id(name, value) else value for name, value in event.body.items()}
    return {"metadata": event.metadata, "body": body}


def _is_id(name: str, value: Any) -> bool:
    return (name == "id" or name.endswith("_id")) and isinstance(value, str) and value.isdecimal()


def _numbers_without_fraction(event: Event) -> dict[str, Any]:
    body = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in event.body.items()
    }
    return {"metadata": event.metadata, "body": body}


def _explicit_nulls(event: Event) -> dict[str, Any]:
    return {
        "metadata": event.metadata | {"context_role": None},
        "body": event.body | {"display_name": event.body.get("display_name")},
    }


def _offset(event: Event) -> dict[str, Any]:
    body = {
        name: value.replace("Z", "+00:00") if name.endswith("_at") and isinstance(value, str) else value
        for name, value in event.body.items()
    }
    return {"metadata": event.metadata, "body": body}


_DIALECTS: tuple[Callable[[Event], Any], ...] = (
    lambda event: {"attributes": event.metadata, "body": event.body},
    lambda event: {"metadata": event.metadata, "data": event.body},
    lambda event: _sqs(published(event)),
    lambda event: _sns(published(event)),
    lambda event: _sqs(_sns(published(event))),
    lambda event: [published(event)],
    _ids_as_integers,
    _numbers_without_fraction,
    _explicit_nulls,
    _offset,
)


def _dialect(event: Event, chance: random.Random) -> bytes:
    return _json(chance.choice(_DIALECTS)(event))


# -- poison: one for each reason of quarantine that an event can bring --


def _with(event: Event, *, metadata: dict[str, Any] | None = None, **members: Any) -> bytes:
    return _json({"metadata": event.metadata | (metadata or {}), "body": event.body | members})


def _without(event: Event, member: str) -> bytes:
    return _json({"metadata": event.metadata, "body": {name: value for name, value in event.body.items() if name != member}})


def _scale_without_mastery(event: Event) -> bytes:
    ratings = [{"description": "Any", "points": 1.0, "mastery": False, "color": "0B874B"}]
    body = {"outcome_proficiency_id": "9", "context_type": "Account", "context_id": "1", "outcome_proficiency_ratings": ratings}
    return _json({"metadata": event.metadata | {"event_name": "outcome_proficiency_created"}, "body": body})


_POISONS: dict[str, Callable[[Event], bytes]] = {
    "not_json": lambda event: _json(published(event))[:-7],
    "too_deep": lambda event: b"[" * 200 + b"]" * 200,
    "unknown_shape": lambda event: _json({"hello": "world"}),
    "empty_array": lambda event: b"[]",
    "no_tenant": lambda event: _with(event, metadata={"root_account_uuid": None}),
    "future_event_time": lambda event: _with(event, metadata={"event_time": "2999-01-01T00:00:00.000Z"}),
    "missing_member": lambda event: _without(event, "id"),
    "bad_type": lambda event: _with(event, user_uuid=7),
    "bad_id": lambda event: _with(event, learning_outcome_id="0"),
    "bad_number": lambda event: _with(event, score="five"),
    "bad_time": lambda event: _with(event, assessed_at="2025-01-01T00:00:00"),
    "bad_text": lambda event: _with(event, user_uuid="a\x00b"),
    "bad_scale": _scale_without_mastery,
}
