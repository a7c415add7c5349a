"""Cutting events out of the record they came in, as they were written there."""

import re
from collections.abc import Iterator

from consumer.ingest.texts import BLANKS, Json, Refusal, Where, decoder, opened, text_of, text_of_numbers

_BLANK = re.compile(r"[ \t\n\r]*")


class Elements:
    """Cuts events out of a record that holds several, as they were written. Reads it once, however many are asked for."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._inside: dict[Where, dict[str | int, str]] = {}

    def cut(self, where: Where) -> bytes:
        """The event there, or the text that should have held one; decoded again, it says the same."""
        text = self._at(where)
        if where and isinstance(where[-1], str) and text.startswith('"'):
            text = decoder.decode(text)
        return text.encode("utf-8", "backslashreplace")  # half a surrogate pair, which JSON writes in the same way

    def _at(self, where: Where) -> str:
        if not where:
            return text_of(self._raw, _free)
        *outer, step = where
        around = tuple(outer)
        if around not in self._inside:
            self._inside[around] = _inside(self._at(around))
        return self._inside[around][step]


def _free(_: int) -> None:
    """What was found once may be looked at again."""


def _inside(text: str) -> dict[str | int, str]:
    """The texts of the members or elements of a text, or of the parts that it opens to."""
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
    """Name or index, and text, of each part of an array or object that was read before, so that it is known to be whole."""
    at = _behind_blanks(text, 0)
    in_array = text[at] == "["
    at = _behind_blanks(text, at + 1)
    index = 0
    while text[at] not in "]}":
        name: str | int = index
        if not in_array:
            name, at = decoder.raw_decode(text, at)
            at = _behind_blanks(text, _behind_blanks(text, at) + 1)
        _, end = decoder.raw_decode(text, at)
        yield name, text[at:end]
        at = _behind_blanks(text, end)
        if text[at] == ",":
            at = _behind_blanks(text, at + 1)
        index += 1


def _behind_blanks(text: str, at: int) -> int:
    blanks = _BLANK.match(text, at)
    return blanks.end() if blanks else at
