"""Reads the settings: from flags, else from the environment, else from `.env`."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from consumer.errors import UsageError
from consumer.service_variables import without_services
from consumer.settings import PREFIX, USUAL_NAMES, Settings

_FILE = "_FILE"


def load(**flags: Any) -> Settings:
    """Settings from flags (where not None), else the environment, else `.env`.

    A name with `_FILE` behind it names a file that holds the value, as Docker and Kubernetes hand out secrets. An empty
    variable counts as not set. Raises `UsageError` with a sentence for each mistake.
    """
    places = (without_services(os.environ, PREFIX), _dotenv())
    values: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    wrong = _unknown({**places[1], **places[0]})
    for name in Settings.model_fields:
        if name not in values:
            try:
                values |= next(filter(None, (_told(place, name) for place in places)), {})
            except UsageError as error:
                wrong.append(str(error))
    try:
        settings = Settings(**values)
    except ValidationError as error:
        wrong += [_sentence(details) for details in error.errors(include_url=False, include_input=False)]
    if wrong:
        raise UsageError("\n".join(wrong))
    return settings


def _variables(name: str) -> list[str]:
    """What a setting answers to. The prefixed name wins over the usual one, in the same place."""
    return [f"{PREFIX}{name.upper()}", *([USUAL_NAMES[name]] if name in USUAL_NAMES else [])]


def _told(place: Mapping[str, str], name: str) -> dict[str, str]:
    """The setting, where this place says something of it. Raises `UsageError`."""
    for variable in _variables(name):
        value, path = (place.get(key, "").strip() for key in (variable, variable + _FILE))
        if value and path:
            raise UsageError(f"{variable} and {variable}{_FILE} are both set: take one of them away")
        if value or path:
            return {name: value or _read(variable + _FILE, path)}
    return {}


def _read(variable: str, path: str) -> str:
    try:
        value = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{variable}: cannot read {path}: {getattr(error, 'strerror', None) or 'it is no text'}") from error
    if not value:
        raise UsageError(f"{variable}: {path} is empty")
    return value


def _unknown(variables: Mapping[str, str]) -> list[str]:
    """A sentence for each name that begins as ours do and is none."""
    known = [variable for name in Settings.model_fields for variable in _variables(name)]
    wrong = []
    for variable in variables:
        if variable.startswith(PREFIX) and variable not in known and variable.removesuffix(_FILE) not in known:
            near = get_close_matches(variable, known, n=1, cutoff=0.8)
            advice = f"did you mean {near[0]}?" if near else "docs/reference/settings.md lists all settings"
            wrong.append(f"{variable} is not a setting; {advice}")
    return wrong


def _dotenv() -> dict[str, str]:
    try:
        return {name: value for name, value in dotenv_values(".env").items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f".env cannot be read: {getattr(error, 'strerror', None) or 'it is not in UTF-8'}") from error


def _sentence(details: ErrorDetails) -> str:
    """What is wrong with a setting, under its variable's name."""
    where = f"{PREFIX}{str(details['loc'][0]).upper()}: " if details["loc"] else ""
    limits = details.get("ctx", {})
    match details["type"]:
        case "int_parsing" | "int_from_float":
            message = f"a whole number {'or `auto` ' if details['loc'] == ('processes',) else ''}is expected"
        case "int_parsing_size":
            message = "a number of fewer digits is expected"
        case "float_parsing":
            message = "a number is expected"
        case "finite_number":
            message = "a number within bounds is expected, not NaN or infinity"
        case "greater_than_equal":
            message = f"{limits['ge']:.15g} or more is expected"
        case "greater_than":
            message = f"more than {limits['gt']:.15g} is expected"
        case "less_than_equal":
            message = f"{limits['le']:.15g} or less is expected"
        case "literal_error":
            message = f"one of {limits['expected'].replace(' or ', ', ')} is expected"
        case "string_too_long":
            message = f"a text of at most {limits['max_length']} characters is expected"
        case _:
            message = details["msg"].removeprefix("Value error, ")
    return where + message
