"""Makes text out of records and file names safe for a terminal: it shows every character and obeys none."""

import re
from functools import lru_cache
from unicodedata import bidirectional

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, characters that change the writing direction, and lone surrogates."""


def has_controls(text: str) -> bool:
    """Whether a terminal would obey a character in `text`. The first test answers for most texts."""
    return not text.isprintable() and _CONTROL.search(text) is not None


def printable(text: object, *, keep: str = "") -> str:
    r"""`text` with control characters escaped (`\x1b`, `\u202e`), except those in `keep`."""
    return _CONTROL.sub(lambda found: found[0] if found[0] in keep else ascii(found[0])[1:-1], str(text))


def isolated(text: str) -> str:
    """`text`; where it is written from right to left, between invisible marks that keep in place what stands beside it."""
    return f"\u2068{text}\u2069" if any(bidirectional(character) in ("R", "AL") for character in text) else text


PERSONAL = "(personal)"
"""Replaces a name that may be personal."""

_PERSONAL = re.compile(r"[@\uff20\ufe6b]|%40|\s|\d{6}|^[\W\d_]+$")
"""An e-mail address, several words, a long number, or only digits and punctuation: no name of Canvas is one."""


@lru_cache(maxsize=4096)
def shown_name(name: str) -> str:
    """The name of a member or event, or `PERSONAL`: even a name can be personal data."""
    return PERSONAL if _PERSONAL.search(name) else name
