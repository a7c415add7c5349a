"""Text out of records and file names, made fit for a terminal: what it says is shown, and nothing in it is obeyed."""

import re
from functools import lru_cache

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that turn the direction of writing, and halves of surrogate pairs."""


def has_controls(text: str) -> bool:
    """Whether something in `text` would be obeyed and not shown. Most text is settled by the first look."""
    return not text.isprintable() and _CONTROL.search(text) is not None


def printable(text: object, *, keep: str = "") -> str:
    r"""`text` with each control character as its escape (`\x1b`, `\u202e`), but for those in `keep`."""
    return _CONTROL.sub(lambda found: found[0] if found[0] in keep else ascii(found[0])[1:-1], str(text))


PERSONAL = "(personal)"
"""Counted and shown in place of a name that may be personal."""

_PERSONAL = re.compile(r"[@\uff20\ufe6b]|%40|\s|\d{6}|^[\W\d_]+$")
"""An e-mail address, several words, a long number, or nothing but digits and signs: Canvas calls no member or event so."""


@lru_cache(maxsize=4096)
def shown_name(name: str) -> str:
    """The name of a member or event as it is counted and shown: even a name can be personal data."""
    return PERSONAL if _PERSONAL.search(name) else name
