"""The form of a captured file, by its content.

LINES: one record per line, with anything around its JSON (NDJSON, `kcat -J`, the console consumer, logs); positions are line
numbers. ROWS: CSV with a header; a row continues while a quotation mark is open, and its position is its last line. VALUES:
JSON values one after the other, or the elements of an array; positions count them.
"""

import re
from enum import Enum, auto
from itertools import islice

import orjson

from consumer.ingest.lines import FIELD, PREFIX, TRAILER, bare
from consumer.ingest.texts import end_of_brackets
from consumer.ingest.unwrap import holds_event

SAMPLE_BYTES = 1024 * 1024
_SAMPLE_LINES = 50
_PIECE = re.compile(rb'[{\[]$|[}\]]|"[^"\\]*+(?:\\.[^"\\]*+)*+"\s*:')
"""The start of a line of pretty-printed JSON: a bracket alone, a closing one, or a member."""
_BEGINS_VALUE = re.compile(rb'\{\s*(?:["}]|$)|\[(?:\s|\xef\xbb\xbf)*+(?:["{\[\]]|[-+.eE\d]+\s*,|$)')
_NAMES = re.compile(rb'"?[\w@.-]+"?(?:[,;|\t]"?[\w@.-]++"?+)++')
"""A header of several columns."""


class Form(Enum):
    """How a file separates its records."""

    LINES = auto()
    ROWS = auto()
    VALUES = auto()


def form_of(sample: bytes, *, whole: bool) -> Form:
    """Form of a text that begins with `sample`. `whole`: the sample is all of it.

    A bracket alone on the first line opens an array. Otherwise the form is LINES if at least half of the first lines are
    records, or if the text does not look like JSON: text is not cut into words.
    """
    lines = sample.split(b"\n")
    if not whole and len(lines) > 1:
        lines.pop()  # maybe cut
    sampled = list(islice(filter(None, map(bare, lines)), _SAMPLE_LINES))
    if not sampled:
        return Form.LINES
    begins_value = _BEGINS_VALUE.match(sampled[0]) is not None
    first_array = begins_value and sampled[0].startswith(b"[")
    if first_array and (len(sampled) == 1 or end_of_brackets(sampled[0].decode("latin-1"), 0) is None):
        return Form.VALUES  # the whole file is one array
    if any(map(FIELD.search, sampled)) or (_NAMES.fullmatch(sampled[0]) and len(sampled) > 1 and holds_event(sampled[1])):
        return Form.ROWS
    alone = sum(map(_is_record, sampled))
    pieces = sum(_PIECE.match(line) is not None for line in sampled)
    if 2 * alone >= len(sampled) or (not begins_value and 2 * pieces < len(sampled)):
        return Form.LINES
    return Form.VALUES


def _is_record(line: bytes) -> bool:
    """Whether a line is a record: JSON, maybe before a comma, or an event with text around it."""
    if line[:1] in (b"{", b"[", b'"'):
        line = line.removesuffix(b",")
        try:
            return len(line) > 2 and isinstance(orjson.loads(line), (dict, list, str))
        except orjson.JSONDecodeError:
            end = end_of_brackets(line.decode("latin-1"), 0)
            if end is None or line[end:].lstrip(b" ")[:1] in (b"{", b"["):
                return False  # part of a value, or several; after a tab it is a value with its key
    elif line == b"null" or TRAILER.fullmatch(line) or PREFIX.match(line):
        return True
    return _PIECE.match(line) is None and holds_event(line)
