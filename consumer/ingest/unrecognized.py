"""The reason and sentence for a record or element without an event: what it looks like."""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from consumer.ingest.texts import BLANKS, MAX_TEXT, SIGNED, Json, Refusal, Steps, TooMuch, looks, opened, parse, path_of
from schemas.base import Reason

_MAX_VALUES = 1000
"""Most values that are looked at for one sentence."""
_NAMELESS = "an event has a name of 1 to 255 characters"


def refusals(value: Any, steps: Steps) -> Iterator[Refusal]:
    """One refusal for the value, or for each element of an array."""
    if type(value) is list and value:
        for index, item in enumerate(value):
            yield from refusals(item, (*steps, index))
    else:
        yield _refusal(value, steps)


def _refusal(value: Any, steps: Steps) -> Refusal:
    """With the best clue in the value; of several equally good ones, the outermost."""
    best = (0, Refusal(Reason.UNKNOWN_SHAPE, path_of(steps), _without_clue(value), steps))
    left = MAX_TEXT

    def spend(characters: int) -> None:
        nonlocal left
        left -= characters
        if left < 0:
            raise TooMuch("too much text within texts to search for events")

    waiting = deque([(value, steps)])
    for _ in range(_MAX_VALUES):
        if not waiting:
            break
        inner, at = waiting.popleft()
        if type(inner) is str:
            weight, reason, message = _of_text(inner)
        else:
            weight, reason, message = _of_object(inner)
        if weight > best[0]:
            path = "metadata.event_name" if message is _NAMELESS else path_of(at)
            best = (weight, Refusal(reason, path, message, steps))
        waiting.extend((child, (*at, *step)) for step, child in islice(_children(inner, spend), _MAX_VALUES))
    return best[1]


def _without_clue(value: Any) -> str:
    match value:
        case dict() | list():
            return "an object that is not an event and contains none"
        case None:
            return "null where an event is expected"
        case bool():
            return "true or false where an event is expected"
        case str():
            return "a text where an event is expected"
        case _:
            return "a number where an event is expected"


_NOTHING = (0, Reason.UNKNOWN_SHAPE, "")


def _of_text(text: str) -> tuple[int, Reason, str]:
    """(how good a clue the text is, reason, sentence)."""
    text = text.strip(BLANKS)
    if text[:1] in ("{", "["):
        parsed = parse(text)
        return (2, parsed.reason, parsed.message) if isinstance(parsed, Refusal) else _NOTHING
    if (hint := looks(text)) and (hint is SIGNED or text[0] == "<"):
        return 3, Reason.NOT_JSON, f"not JSON{hint}"
    return _NOTHING


def _of_object(value: Any) -> tuple[int, Reason, str]:
    match value:
        case {"metadata": dict(), "body": _} | {"attributes": dict(), "body": dict()} | {"metadata": dict(), "data": _}:
            return 4, Reason.UNKNOWN_SHAPE, _NAMELESS
        case {"sensor": _, "data": list()}:
            return 3, Reason.UNKNOWN_SHAPE, _CALIPER
        case {"@context": str(context)} if "caliper" in context.casefold():
            return 3, Reason.UNKNOWN_SHAPE, _CALIPER
        case {"Type": "SubscriptionConfirmation" | "UnsubscribeConfirmation"}:
            return (
                3,
                Reason.UNKNOWN_SHAPE,
                "SNS asks to confirm a subscription; the receiver of its messages has to do that",
            )
        case {"Event": "s3:TestEvent"} | {"s3": {"object": _}}:
            return 3, Reason.UNKNOWN_SHAPE, "S3 announces an object; the events are in the object, which can be replayed"
        case {"schema": dict(), "payload": None}:
            return 3, Reason.UNKNOWN_SHAPE, "Kafka Connect's schema, without a payload"
        case []:
            return 1, Reason.EMPTY_ARRAY, "an array without events"
        case _:
            return _NOTHING


_CALIPER = "a Caliper envelope; outcome events exist in the Canvas format only, so subscribe to that"


def _children(value: Any, spend: Callable[[int], None]) -> Iterator[tuple[Steps, Any]]:
    """(steps, value) of everything directly inside a value or text."""
    match value:
        case dict():
            yield from (((name,), inner) for name, inner in value.items() if isinstance(inner, (dict, list, str)))
        case list():
            yield from (((index,), inner) for index, inner in enumerate(value) if isinstance(inner, (dict, list, str)))
        case str():
            held = opened(value, spend)
            if isinstance(held, Json):
                yield (), held.value
            elif isinstance(held, list):
                yield from (((index,), part.text) for index, part in enumerate(held))
