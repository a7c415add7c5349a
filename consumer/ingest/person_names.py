"""Names of people, as one event or one answer of Canvas' REST API tells them: for `person_name` alone."""

import re
from datetime import datetime
from typing import Any

import orjson

from schemas.base import MAX_KEY_TEXT, Body
from schemas.columns import names_of

_SUFFIX = re.compile(r"^(Sn?r\.?|Senior|Jn?r\.?|Junior|II|III|IV|V|VI|Esq\.?|Esquire)$", re.IGNORECASE | re.MULTILINE)
_BLANKS = " \t\n\v\f\r"
"""What Ruby calls whitespace."""
_COMMA = re.compile(f"[{_BLANKS}]*,[{_BLANKS}]*")
_WORD = re.compile(f"[^{_BLANKS}]+")


def telling_of(model: type[Body], body: dict[str, Any], event_time: datetime) -> str | None:
    """What a body says of a person's names, as JSON for `write_names.sql`; None where it tells no name.

    Texts above Canvas' own limit of 255 characters are no names. As text, `event_time` sorts like the time.
    """
    told = {
        member: value
        for member in names_of(model)
        if isinstance(value := body.get(member), str) and value.strip(_BLANKS) and len(value) <= MAX_KEY_TEXT
    }
    name = told.get("name")
    if name is None:
        return None
    return orjson.dumps(
        {
            "event_time": event_time.isoformat(timespec="microseconds"),
            "name": name,
            "short_name": told.get("short_name", name),
            "sortable_name": told.get("sortable_name") or sortable_name(name),
            "login": told.get("user_login"),
            "sis_user_id": told.get("user_sis_id"),
        }
    ).decode()


def sortable_name(name: str) -> str:
    """The name by which Canvas sorts somebody who has set none: `Byrne, Ada`.

    Source: Canvas, `app/models/user.rb`, `last_name_first`. Canvas also knows the surname of an earlier name; events do not.
    """
    name = name.strip(_BLANKS)
    surname: str | None
    given: str
    suffix: str | None
    match _COMMA.split(name, 2):
        case [surname, given, last]:
            suffix = last if _SUFFIX.search(last) else None
            given = given if suffix else f"{given} {last}"  # Ho, Chi, Min
        case [given, last] if len(_WORD.findall(given)) > 1 and _SUFFIX.search(last):  # John Doe, Sr.
            surname, suffix = None, last
        case [surname, given]:
            suffix = None
        case _:
            surname, given, suffix = None, name, None
    words = _WORD.findall(given)
    if suffix is None and len(words) > 1 and _SUFFIX.search(words[-1]):  # John Doe Sr.
        suffix = words.pop()
    if surname is None and len(words) > 1:
        surname = words.pop()
    rest = " ".join([*words, suffix] if suffix else words)
    return rest if surname is None else f"{surname}, {rest}".strip(_BLANKS)
