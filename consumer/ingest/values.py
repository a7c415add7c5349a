"""JSON values, one after the other or in an array -> records."""

import codecs
import json
import re
from collections.abc import Iterable, Iterator

from consumer.ingest.records import HELD_BYTES, Numbered, TooLong
from consumer.ingest.texts import end_of_brackets

_BLANK = re.compile(r"[\s\x1e\ufeff]*")  # U+001E begins each record of a JSON text sequence (RFC 7464), U+FEFF a file
_BLANK_OR_COMMA = re.compile(r"[\s\ufeff,]*")
_LINE_THAT_BEGINS_A_VALUE = re.compile(r"\n\ufeff*([{\[])")
_REST_OF_A_NUMBER = re.compile(r"[-+.eE0-9]*")
_LONGEST_LITERAL = len("-Infinity") + len("\\ud800\\udc00")
"""An error in so many last characters of a text may only mean that the text continues."""
_GLANCE = 64 * 1024
"""Characters of a long text that are parsed first: most values are shorter."""
_decoder = json.JSONDecoder()


def numbered_values(chunks: Iterable[bytes], limit: int, held: int = HELD_BYTES) -> Iterator[list[Numbered]]:
    """Records of the VALUES form, a list for each chunk.

    Text that is not JSON is one record, up to the next line that begins with a bracket: nothing is dropped. A value above
    `limit` characters is not parsed, only its end is searched. Raises `TooLong` at one above `held`.
    """
    splitter = _Values(limit, held)
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    for chunk in chunks:
        yield splitter.feed(decode(chunk), last=False)
        splitter.check()
    yield splitter.feed(decode(b"", final=True), last=True)
    splitter.check()


class _Values:
    """The text that is not returned yet, and the position in it."""

    def __init__(self, limit: int, held: int) -> None:
        self._limit = limit
        self._held = held
        self._text = ""
        self._at = 0
        self._number = 0
        self._in_array = False
        self._elements = 0
        self._coming: list[str] = []
        """Text that came after the last try."""
        self._size = 0
        """Length of all text."""
        self._enough = 0
        """Length of text from which to try again: it doubles, so the work stays linear."""
        self._before = 0
        """Length of the text that was returned and dropped."""
        self._open = 0
        """Offset from the very start. A value that was still open here was given up. Values before it are not searched to their
        end again: else a thousand brackets that never close would be searched a thousand times."""

    def feed(self, text: str, *, last: bool) -> list[Numbered]:
        """The records that end in `text`; with `last`, also the unfinished rest."""
        self._coming.append(text)
        self._size += len(text)
        records: list[Numbered] = []
        if last or self._size >= min(self._enough, self._held):
            self._text = "".join((self._text, *self._coming))
            self._coming.clear()
            while self._take(records, last=last):
                if self._at > max(_GLANCE, len(self._text) // 16):
                    self._drop_returned()  # an error of the parser counts all lines before it
            self._drop_returned()
            self._size = len(self._text)
            self._enough = 2 * self._size
        return records

    def _drop_returned(self) -> None:
        self._before += self._at
        self._text = self._text[self._at :]
        self._at = 0

    def check(self) -> None:
        """Raises `TooLong` if the text that is not returned yet is too long."""
        if self._size > self._held:
            raise TooLong(f"value {self._number + 1}", self._held)

    def _take(self, records: list[Numbered], *, last: bool) -> bool:
        """Takes the next value; False if that needs more text."""
        text = self._text
        blank = (_BLANK_OR_COMMA if self._in_array else _BLANK).match(text, self._at)
        self._at = at = blank.end() if blank else self._at
        if at >= len(text):
            return False
        if not self._in_array and text[at] == "[":
            self._in_array, self._elements, self._at = True, 0, at + 1
            return True
        if self._in_array and text[at] == "]":
            if self._elements == 0:
                self._add(records, "[]")
            self._in_array, self._at = False, at + 1
            return True
        if not self._in_array and text[at] != "{":
            return self._take_other(records, last=last)  # words are not values
        end = self._end(at)
        if end is None:  # unfinished
            if not last and len(text) - at <= self._held:
                return False
            self._open = self._before + len(text)
            return self._take_other(records, last=last)
        if end < 0:
            return self._take_other(records, last=last)
        if not last and text[end - 1] not in '}]"' and _REST_OF_A_NUMBER.fullmatch(text, end):
            return False  # the number may continue
        return self._return(records, end)

    def _end(self, at: int) -> int | None:
        """End of the value that begins at `at`: None if the text ends first, -1 if it is not a value."""
        text = self._text
        short = len(text) - at <= self._limit or text[at] not in '{["'
        for size in (len(text),) if short else (min(_GLANCE, self._limit), self._limit):
            seen, start = (text, at) if size == len(text) else (text[at : at + size], 0)
            try:
                return int(_decoder.raw_decode(seen, start)[1]) + at - start
            except json.JSONDecodeError as error:
                if not error.msg.startswith("Unterminated string") and error.pos <= len(seen) - _LONGEST_LITERAL:
                    return -1
            except (RecursionError, ValueError):  # too deep, or an integer of thousands of digits
                return self._end_of_brackets(at)
        return None if size == len(text) else self._end_of_brackets(at)

    def _end_of_brackets(self, at: int) -> int | None:
        return -1 if self._before + at < self._open else end_of_brackets(self._text, at)

    def _take_other(self, records: list[Numbered], *, last: bool) -> bool:
        """Returns text that is not a value, up to the next line that begins one; False if that line has not come yet."""
        following = _LINE_THAT_BEGINS_A_VALUE.search(self._text, self._at + 1)
        if following is None and not last:
            return False
        end = following.start() if following else len(self._text)
        if following and following[1] == "[":
            self._in_array = False
        return self._return(records, end)

    def _return(self, records: list[Numbered], end: int) -> bool:
        """Returns the text up to `end`; False if it is too long, which `check` reports."""
        if end - self._at > self._held:
            return False
        self._add(records, self._text[self._at : end])
        self._at = end
        return True

    def _add(self, records: list[Numbered], text: str) -> None:
        self._number += 1
        self._elements += 1
        records.append((self._number, text.encode("utf-8", "surrogateescape").rstrip()))
