"""What the fuzzer begins with: real events in every dialect, hostile ones, files in every form, and their words."""

import json
from collections.abc import Iterator

from schemas.base import Reason
from schemas.events import BODIES
from tests.fuzz.common_events import changed
from tests.samples import payload
from tests.unit.test_decode import BROKEN, DIALECTS
from tests.unit.test_hostile import POISONS, WRAPPERS
from tests.unit.test_split import FORMS, TABLES
from tests.unit.test_wrappers import CARRIERS, HINTS

LARGEST = {"decode": 4096, "common": 4096, "split": 1500}
"""Bytes of a seed; text is split byte by byte too, which takes its time."""
_TOKENS = (
    *("metadata", "body", "attributes", "data", "Body", "Message", "Messages", "Records", "Sns", "topic", "payload", "sensor"),
    *("event_name", "event_time", "root_account_uuid", "context_type", "context_id", "context_account_id", "root_account_id"),
    *("NaN", "-Infinity", "1e999", "18446744073709551616", "-9223372036854775809", "\\u0000", "\\ud800", "\\\\u0000", "null"),
    *("true", "false", "{}", "[]", '":', "[[[[[[[[", "2025-03-20T15:04:05.000Z", "9999-12-31T23:59:59Z", "+14:00", "heartbeat"),
    *(
        *(
            "event_name",
            '"event_name":',
            "data:",
            "eyJ",
            "H4sI",
            '"{""',
            ' stdout P {"',
            ' stdout F {"',
            '{"log":"',
            "\x1b[0m",
            "|",
        ),
        "\ufeff",
        "\x1e",
        "\n{",
        "\n[",
        "CreateTime:",
        "Processed a total of 3 messages",
        "\tnull",
        "~",
        "x_id",
        "0000000000000000000",
    ),
)


def seeds(target: str) -> Iterator[bytes]:
    """Small ones only: coverage is by lines, and short inputs are tried more often."""
    records = [json.dumps(payload(name)).encode() for name in BODIES]
    poisons = [value for value, *_ in (*BROKEN.values(), *POISONS.values())]
    hostile = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in poisons]
    dialects = [json.dumps(value).encode() for value in DIALECTS.values()]
    match target:
        case "decode":
            wrapped = [wrap(record.decode()).encode() for wrap in WRAPPERS.values() for record in records[:3]]
            carried = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in CARRIERS.values()]
            carried += [value if isinstance(value, bytes) else json.dumps(value).encode() for value, *_ in HINTS.values()]
            found = [*records, *hostile, *dialects, *wrapped, *carried]
        case "common":
            found = [changed(number) for number in range(1000)]
        case _:
            texts = [data for data, _ in (*FORMS.values(), *TABLES.values())]
            found = [bytes((size, size)) + text for size in (0, 6, 254) for text in (*texts, *hostile, *dialects)]
    yield from (data for data in found if len(data) <= LARGEST[target])


def words() -> Iterator[bytes]:
    """For the dictionary."""
    names = {*_TOKENS, *BODIES, *(name for event in BODIES for name in payload(event)["body"]), *Reason}
    yield from (name.encode() for name in sorted(names))
