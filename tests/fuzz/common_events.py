"""Events of the common shape with a few things changed: another value, a member more or less or twice, other blanks, a byte."""

import json
import random

from consumer.ingest.tables import TABLE_OF_EVENT
from tests.samples import payload

NAMES = tuple(name for name, table in TABLE_OF_EVENT.items() if not table.json)
"""Of flat events."""
_EVENTS = {
    name: tuple([(member, json.dumps(value)) for member, value in half.items()] for half in payload(name).values())
    for name in NAMES
}
_WORDS = (
    *("null", "true", "false", "0", "-0", "-0.0", "1", "-1", "5.0", "1E2", "1e-7", "0.00001", "1e15", "1e16", "-1e15", "1e400"),
    *("2147483647", "2147483648", "-2147483649", "9007199254740993", "9223372036854775808", "1" * 30, "01", "1.", ".5", "+1"),
    *(
        "NaN",
        "-Infinity",
        "[]",
        "{}",
        '{"a":{"b":1}}',
        "[[1]]",
        "tru",
        "",
        '""',
        '"0"',
        '"1"',
        '"+1"',
        '"1_0"',
        '" 1"',
        '"1.0"',
    ),
    *(f'"{digits}"' for digits in ("0" * 18, "0" * 17 + "7", "9" * 18, "9" * 19, str(2**63 - 1), str(2**63), "2107~79")),
    *(
        '"active"',
        '"deleted"',
        '"Course"',
        '"\\u0041"',
        '"\\u0000"',
        '"\\ud800"',
        '"é"',
        '"\x7f"',
        '"\t"',
        '"{"',
        '"["',
        '"a b"',
    ),
    *(f'"{"x" * 255}"', f'"{"x" * 256}"', '"course_updated"', '"learning_outcome_result_updated"', '"heartbeat"'),
)
_OTHERS = ("x", "x_id", "hidden", "event_name", "event_time", "root_account_uuid", "context_type", "context_id", "user_agent")
_CLOCKS = ("00:00:00", "15:04:05", "23:59:59", "24:00:00", "15:04:60", "15:04", "150405", "1:02:03")
_FRACTIONS = ("", "", ".310", ".3", ".31", ".999999", ".9999996", ".000000001", ",310", ".")
_ZONES = ("Z", "Z", "Z", "z", "+00:00", "-07:00", " UTC", "", "ZZ")


def _time(chance: random.Random) -> str:
    year = chance.choice(("2019", "2025", "2025", "0001", "0000", "9999", "20250", "+025"))
    day = f"{chance.choice((1, 1, 2, 12, 13)):02}-{chance.choice((1, 2, 28, 30, 31)):02}"
    blank = chance.choice("TTTTt ")
    return f'"{year}-{day}{blank}{chance.choice(_CLOCKS)}{chance.choice(_FRACTIONS)}{chance.choice(_ZONES)}"'


def _value(chance: random.Random) -> str:
    match chance.randrange(5):
        case 0:
            return _time(chance)
        case 1:
            return repr(chance.uniform(-1, 1) * 10.0 ** chance.randint(-12, 16))
        case 2:
            return f'"{chance.randrange(1, 10 ** chance.randint(1, 20))}"'
        case _:
            return chance.choice(_WORDS)


def changed(seed: int) -> bytes:
    """One of them, the same for the same seed. Most are still of the common shape."""
    chance = random.Random(seed)
    halves = [half.copy() for half in _EVENTS[chance.choice(NAMES)]]
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        half = chance.choices(halves, (1, 3))[0]
        at = chance.randrange(len(half))
        match chance.randrange(8):
            case 0 if len(half) > 1:
                del half[at]
            case 1:
                half.insert(at, (chance.choice((*_OTHERS, half[at][0])), _value(chance)))
            case 2:
                chance.shuffle(half)
            case _:
                half[at] = (half[at][0], _value(chance))
    comma, colon = chance.choice(((",", ":"), (", ", ": "), ("\n,", " :\t")))
    parts = []
    for name, half in zip(("metadata", "body"), halves, strict=True):
        members = comma.join(f'"{member}"{colon}{value}' for member, value in half)
        parts.append(f'"{name}"{colon}{{{members}}}')
    if not chance.randrange(20):
        parts.insert(chance.randrange(3), f'"{chance.choice(("metadata", "body", "x"))}"{colon}{_value(chance)}')
    data = f"{{{comma.join(parts)}}}".encode()
    if not chance.randrange(5):
        at = chance.randrange(len(data))
        data = data[:at] + chance.choice((b"", chance.randbytes(1), b"\\", b"}", b'"', b"0")) + data[at + chance.randrange(2) :]
    return data
