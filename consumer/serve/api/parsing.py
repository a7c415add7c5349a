"""Ids, moments and people as parameters write them. Pure; raises `ValueError` with a sentence."""

import re
from datetime import datetime

from consumer.printable import has_controls
from schemas.base import MAX_ID, MAX_KEY_TEXT, time_of
from schemas.rest_ids import whole_id

ROOT = 0
"""The id that stands for `self`: no account has it."""
UUID = "uuid:"
"""Before the uuid of a user."""
_SELF = "self"
_ID = re.compile(r"0*[1-9][0-9]{0,18}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def parse_id(value: object) -> int:
    """A local or a global id."""
    text = str(whole_id(str(value)))
    id_ = int(text) if _ID.fullmatch(text) else 0
    if not 0 < id_ <= MAX_ID:
        raise ValueError("an id is a whole number from 1 to 2^63-1")
    return id_


def parse_account_id(value: object) -> int:
    """The same, or `self`."""
    return ROOT if str(value) == _SELF else parse_id(value)


def parse_time(value: object) -> datetime:
    """A time with a zone, or a date in UTC."""
    text = str(value)
    try:
        return time_of(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
    except ValueError as error:
        hint = "; a + in an address is a blank: write %2B" if _had_a_plus(text) else ""
        raise ValueError(f"a moment is a time with a zone, such as 2025-03-20T15:04:05Z, or a date in UTC{hint}") from error


def _had_a_plus(text: str) -> bool:
    """Whether the text is a time with a plus in place of its last blank: a query's plus is read as a blank."""
    try:
        time_of("+".join(text.rsplit(" ", 1)))
    except ValueError:
        return False
    return True


def parse_user(value: object) -> str:
    """A user by local id, or by the name that results use: `501`, `uuid:...`."""
    text = str(value)
    if text.startswith(UUID):
        uuid = text.removeprefix(UUID)
        if not uuid or len(uuid) > MAX_KEY_TEXT or has_controls(uuid):
            raise ValueError("a uuid has 1 to 255 characters, and no control characters among them")
        return text
    return str(parse_id(text.removeprefix("id:")))
