"""The types that bodies are made of.

Every refusal leaves this module under one of the codes of `Reason`, so that a record in quarantine can be found by its cause.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

MAX_ID = 2**63 - 1
"""Largest id that fits Postgres' `bigint`; Canvas' global ids stay below it (shard x 10^13 + local id)."""

EXACT = 2**53
"""Below it each whole number is a double of its own; from there on a double may stand for a neighbour."""

SHARD = 10**13
"""A global id is shard x 10^13 + local id (Canvas, `data_service_canvas_event_metadata.md`)."""

MAX_NUMBER = 1e15
"""Products and sums of such numbers stay finite, so that no event can break a sum over others. Canvas' own are below 10^6."""

MAX_KEY_TEXT = 255
"""Characters of a text that an index may hold: Canvas' own limit for names, and far below a B-tree page."""

MAX_RATINGS = 1000
"""Levels of one scale or criterion. Canvas' own have fewer than twenty; a megabyte of `{}` would make 300,000 models."""


def local_id(id_: int) -> int:
    """Local id of a global one; a local one as it is."""
    return id_ % SHARD or id_


class Reason(StrEnum):
    """Why a record is in quarantine. A closed list: the database has the same one as a constraint."""

    NOT_JSON = "not_json"
    """The record is not JSON, or not UTF-8. The message says what it looks like, if that is known."""
    TOO_LARGE = "too_large"
    """The record or one of its events is too large to parse or to search. Nothing of it is applied."""
    TOO_DEEP = "too_deep"
    """Objects and arrays are nested too deep."""
    UNKNOWN_SHAPE = "unknown_shape"
    """The record is JSON, but no event is in it, or an event has no usable name."""
    EMPTY_ARRAY = "empty_array"
    """The record is an array without events."""
    NO_TENANT = "no_tenant"
    """The event has no `root_account_uuid`, and no default tenant is set."""
    FUTURE_EVENT_TIME = "future_event_time"
    """The `event_time` is too far ahead of the worker's clock. Without this check, no later event could replace the row."""
    MISSING_MEMBER = "missing_member"
    """A member that the table needs is absent or null."""
    BAD_TYPE = "bad_type"
    """A value has another type than the member."""
    BAD_ID = "bad_id"
    """An id is not a whole number from 1 to 2^63-1."""
    BAD_NUMBER = "bad_number"
    """A number is not a JSON number, or is out of range."""
    BAD_TIME = "bad_time"
    """A time is not in ISO 8601, has no zone, or does not exist."""
    BAD_TEXT = "bad_text"
    """A text is too long for its column, or holds characters that Postgres cannot store."""
    BAD_SCALE = "bad_scale"
    """Canvas itself cannot save such a mastery scale: no ratings, not exactly one for mastery, or points that do not fall."""
    REFUSED_BY_DATABASE = "refused_by_database"
    """Postgres refused the row; the message says why."""


_FLOAT_ID = re.compile(r"[0-9]{1,16}\.0{1,16}|[1-9]\.[0-9]{1,15}E[0-9]{1,2}", re.ASCII)
"""How pandas and Java write a double that is an id as text: `8000.0`, `4.0013123E7`."""


def whole_id(value: Any) -> int | None:
    """The id that became a double on its way, `8000.0` or `"8000.0"`; None where it is none, or may have been another one."""
    if type(value) is float:
        return int(value) if 0 < value < EXACT and value.is_integer() else None
    if isinstance(value, str) and _FLOAT_ID.fullmatch(value):
        number = Decimal(value)
        return int(number) if 0 < number < EXACT and number == number.to_integral_value() else None
    return None


def _double_id(value: Any) -> int:
    if (found := whole_id(value)) is None:
        raise ValueError
    return found


class _Id:
    """A positive 64-bit id, as a string of digits (what Canvas sends) or as a JSON integer (what some bridges make of it).

    Also as a double without a fraction: a column of ids with a gap in it leaves pandas, Spark and Athena as one of doubles.
    """

    column = "bigint"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        digits = core_schema.chain_schema(
            [
                core_schema.str_schema(strict=True, pattern=r"^[0-9]{1,19}$"),
                core_schema.int_schema(gt=0, le=MAX_ID),
            ]
        )
        number = core_schema.int_schema(strict=True, gt=0, le=MAX_ID)
        double = core_schema.no_info_plain_validator_function(_double_id)
        return core_schema.union_schema(
            [digits, number, double],
            mode="left_to_right",
            custom_error_type=Reason.BAD_ID.value,
            custom_error_message="an id is a whole number from 1 to 2^63-1, as a number or as a string of digits; "
            "as a double it is below 2^53, where doubles are exact",
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "anyOf": [
                {"type": "string", "pattern": r"^0*[1-9][0-9]{0,18}(\.0+)?$|^[1-9]\.[0-9]+E[0-9]{1,2}$"},
                {"type": "integer", "minimum": 1, "maximum": MAX_ID},
            ]
        }


class _GlobalId(_Id):
    """An id that Canvas sends as a global one. The row holds the local one."""


_EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)
_FIRST_DAY = "0001-01-02"
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)"
    r" ?(?:([Zz]|UTC|GMT)|([+-]\d\d(?::?\d\d)?))(?:\[[\w/+-]{1,40}\]| [A-Z]{3,5})?",
    re.ASCII,
)
"""Behind the offset may be the zone's name, which tells no more: Java and Go print it."""


TIME_SCHEMA = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
    r" ?(Z|z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)(\[[A-Za-z0-9_/+-]{1,40}\]| [A-Z]{3,5})?$",
}
"""What to send, which only those check who ask for formats, and what is understood."""


def _time_with_offset(value: Any) -> datetime:
    """The forms that occur besides the usual one: an offset, a blank instead of `T`, `UTC` (published examples of Canvas).

    Postgres prints `2025-03-20 15:04:05.31+00`, and other writers leave out the seconds.
    """
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, str) and (match := _TIME.fullmatch(value)):
        day, clock, _, offset = match.groups()
        try:
            time = datetime.fromisoformat(f"{day}T{clock}{offset or '+00:00'}").astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        else:
            if _EARLIEST <= time <= _LATEST:
                return time
    message = "a time is a real moment in ISO 8601 with a zone, such as 2025-03-20T15:04:05Z"
    raise PydanticCustomError(Reason.BAD_TIME.value, message)


def usual_time(text: str) -> datetime | None:
    """An instant in one of the forms that Canvas writes, `2025-03-20T15:04:05Z` or with milliseconds; None for any other text.

    Told by its shape alone: the standard library reads it fast, and into its own UTC, which sorting is fast with.
    """
    between, length = text[4:20:3], len(text)
    if (length == 20 and between == "--T::Z") or (length == 24 and between == "--T::." and text[23] == "Z"):
        try:
            return datetime.fromisoformat(text) if text > _FIRST_DAY else None
        except ValueError:
            return None
    return None


def time_of(value: Any) -> datetime:
    """An instant in UTC. Raises `PydanticCustomError`, code `bad_time`."""
    return (usual_time(value) if type(value) is str else None) or _time_with_offset(value)


class _Time:
    """An instant in UTC, whatever offset it was written with. A time without a zone is refused."""

    column = "timestamptz"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(time_of)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return dict(TIME_SCHEMA)


class _Number:
    """A double of a size that can be reckoned with. A number in quotes is refused."""

    column = "double precision"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.custom_error_schema(
            core_schema.float_schema(strict=True, allow_inf_nan=False, ge=-MAX_NUMBER, le=MAX_NUMBER),
            custom_error_type=Reason.BAD_NUMBER.value,
            custom_error_message="a number is a JSON number of at most 10^15 in size",
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "number", "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER}


class _Integer:
    """A whole number of 32 bits; `1.0` is one too, because some bridges write it so."""

    column = "integer"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        whole = core_schema.int_schema(strict=True, ge=-(2**31), le=2**31 - 1)
        float_ = core_schema.chain_schema(
            [core_schema.float_schema(strict=True, allow_inf_nan=False), core_schema.int_schema(ge=-(2**31), le=2**31 - 1)]
        )
        return core_schema.union_schema(
            [whole, float_],
            mode="left_to_right",
            custom_error_type=Reason.BAD_NUMBER.value,
            custom_error_message="a whole number of 32 bits is a JSON number without a fraction",
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}


class _Text:
    """A text of any length."""

    column = "text"

    _max_length: int | None = None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.str_schema(strict=True, max_length=cls._max_length)


class _KeyText(_Text):
    """A text that indexes and groupings use; at most `MAX_KEY_TEXT` characters."""

    _max_length = MAX_KEY_TEXT


class _PersonText(_Text):
    """A name, login or SIS id of a person: no column of the kind's table. Only `person_name` may hold it."""


class _Unstored:
    """A member that is known and never stored. Its value may be anything, and tells no version from another."""


class _Flag:
    """`true` or `false`, nothing that merely looks like it."""

    column = "boolean"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.bool_schema(strict=True)


Id = Annotated[int, _Id]
GlobalId = Annotated[int, _GlobalId]
Time = Annotated[datetime, _Time]
Number = Annotated[float, _Number]
Integer = Annotated[int, _Integer]
Text = Annotated[str, _Text]
KeyText = Annotated[str, _KeyText]
Flag = Annotated[bool, _Flag]
PersonText = Annotated[str, _PersonText]
Unstored = Annotated[Any, _Unstored]


class Part(BaseModel):
    """Something nested in a body. Members that Canvas may add later are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True)


class Body(Part):
    """The full row of one Canvas object at the moment of the event.

    Absent and null mean the same at the top level (Canvas drops nulls there since 2024, `lib/canvas/live_events.rb`).
    A subclass with a `kind` has a table of that name. The first member that it declares is the object's id.
    """

    kind: ClassVar[str | None] = None
    """The table of its rows; None: a body without a table."""
    events: ClassVar[tuple[str, ...] | None] = None
    """Names of its events. None: `<kind>_created` and `<kind>_updated`. Empty: only REST tells such objects."""
    by_year: ClassVar[bool] = False
    """Whether versions are partitioned by year: for kinds that grow with the number of students."""
    private: ClassVar[bool] = False
    """Whether unknown members of a row can be about a person. Their values go to `unknown_value`, out of readers' sight."""
    about_people: ClassVar[bool] = False
    """Whether a row says who somebody is or where they belong: stored unless `OUTCOMES_PEOPLE` is `off`."""

    updated_at: Time | None = None
    """Canvas' own, whole seconds; only `_updated` events have it (courses always). Does not move with a scale's ratings."""

    workflow_state: KeyText | None = None
    """Canvas' state word, as it came: `active`, `deleted`, `archived`, `retired` and others."""


class StatefulBody(Body):
    """A body whose state Canvas always has, although old streams and the published examples leave it out."""

    workflow_state: KeyText = "active"
    """Canvas' state word, as it came; `active` where the event has none (published examples, streams of 2019)."""
