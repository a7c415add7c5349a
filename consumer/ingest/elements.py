"""The raw text of single events in a record that holds several."""

import re
from collections.abc import Iterator

from consumer.ingest.texts import BLANKS, Json, Refusal, Steps, decoder, opened, text_of, text_of_numbers

_BLANK = re.compile(r"[ \t\n\r]*")


class Elements:
    """Parses the record once, for any number of its events."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._inside: dict[Steps, dict[str | int, str]] = {}

    def raw_event(self, steps: Steps) -> bytes:
        """The event at the end of these steps, as written, or the text in its place. Decoding it gives the same verdict."""
        text = self._at(steps)
        if steps and isinstance(steps[-1], str) and text.startswith('"'):
            text = decoder.decode(text)
        return text.encode("utf-8", "backslashreplace")  # JSON escapes half of a surrogate pair in the same way

    def _at(self, steps: Steps) -> str:
        if not steps:
            return text_of(self._raw, _free)
        *outer, step = steps
        around = tuple(outer)
        if around not in self._inside:
            self._inside[around] = _inside(self._at(around))
        return self._inside[around][step]


def _free(_: int) -> None:
    """No budget: the record was searched before."""


def _inside(text: str) -> dict[str | int, str]:
    """The texts of the members, elements or parts in a text."""
    while True:
        held = opened(text, _free)
        if isinstance(held, list):
            return {index: part.text for index, part in enumerate(held)}
        array = held.value if isinstance(held, Json) and isinstance(held.value, list) else []
        if (inner := text_of_numbers(array, _free)) is not None:
            return {0: inner}
        if isinstance(held, Refusal) or not isinstance(held.value, str):
            return dict(_members(text.strip(BLANKS)))
        text = held.value


def _members(text: str) -> Iterator[tuple[str | int, str]]:
    """(name or index, text) of each member of an array or object. The text was parsed before, so it is valid."""
    at = _skip_blanks(text, 0)
    in_array = text[at] == "["
    at = _skip_blanks(text, at + 1)
    index = 0
    while text[at] not in "]}":
        name: str | int = index
        if not in_array:
            name, at = decoder.raw_decode(text, at)
            at = _skip_blanks(text, _skip_blanks(text, at) + 1)
        _, end = decoder.raw_decode(text, at)
        yield name, text[at:end]
        at = _skip_blanks(text, end)
        if text[at] == ",":
            at = _skip_blanks(text, at + 1)
        index += 1


def _skip_blanks(text: str, at: int) -> int:
    blanks = _BLANK.match(text, at)
    return blanks.end() if blanks else at
