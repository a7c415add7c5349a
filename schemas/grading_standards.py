"""A grading standard: what Canvas saves of one. Pure."""

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import MAX_KEY_TEXT, SHARD, Flag, Id, Text, local_id

_PLACES = Decimal("0.0001")
_SMALLEST, _LARGEST = Decimal("1e-9"), Decimal("1e9")
"""Bounds of a number that is not 0; no school means one outside."""


def _id(value: int) -> int:
    if value % SHARD == 0:
        raise PydanticCustomError("bad_id", "a global id holds a local one: shard x 10^13 + local id")
    return local_id(value)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, (int, str, Decimal)) and not isinstance(value, bool):
        try:
            number = Decimal(value)
        except InvalidOperation:
            pass
        else:
            if number.is_finite() and (number == 0 or _SMALLEST <= number.copy_abs() <= _LARGEST):
                return number
    raise PydanticCustomError("bad_number", "is not a decimal number that a grading standard can hold")


def _stored(value: Decimal) -> Decimal:
    """Rounded as Canvas stores it."""
    return value.quantize(_PLACES, ROUND_HALF_UP)


def _storable(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("bad_text", "holds half of a character") from None
    if "\0" in value:
        raise PydanticCustomError("bad_text", "holds the character U+0000")
    if len(value) > MAX_KEY_TEXT:
        raise PydanticCustomError("too_long", "has {length} characters; 255 are possible", {"length": len(value)})
    return value


Number = Annotated[Decimal, BeforeValidator(_decimal)]
Name = Annotated[Text, AfterValidator(str.strip), AfterValidator(_storable)]
LocalId = Annotated[Id, AfterValidator(_id)]


class Entry(BaseModel):
    """One letter and its bound: `{name, value}`, or `[name, value]`."""

    model_config = ConfigDict(frozen=True)

    name: Name
    value: Annotated[Number, AfterValidator(_stored)]

    @model_validator(mode="before")
    @classmethod
    def _from_pair(cls, value: Any) -> Any:
        match value:
            case [name, bound]:
                return {"name": name, "value": bound}
            case dict():
                return value
            case _:
                raise PydanticCustomError("bad_entry", 'is neither {"name", "value"} nor [name, value]')


class Standard(BaseModel):
    """A grading standard as Canvas' REST API shows it (`grading_scheme`), or its database (`data` and `version`)."""

    model_config = ConfigDict(frozen=True)

    id: LocalId
    title: Name
    context_type: Literal["Account", "Course"] | None = None
    context_id: LocalId | None = None
    workflow_state: Literal["active", "archived", "deleted"] = "active"
    points_based: Flag = False
    scaling_factor: Number = Decimal(1)
    data_version: Literal[1, 2]
    scheme: tuple[Entry, ...]
    """As Canvas shows it. Version 1 has upper bounds; the database turns them into lower ones."""

    @model_validator(mode="before")
    @classmethod
    def _from_either_form(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise PydanticCustomError("bad_standard", "is not an object with an id, a title and a grading_scheme")
        known = {name: value[name] for name in cls.model_fields if value.get(name) is not None}
        if value.get("grading_scheme") is not None:
            return known | {"scheme": value["grading_scheme"], "data_version": 2}
        if value.get("data") is None:
            raise PydanticCustomError("no_scheme", "has neither a grading_scheme nor data")
        if value.get("version") not in (1, 2):
            raise PydanticCustomError("no_version", "has data without its version: 1 holds upper bounds, 2 lower ones")
        return known | {"scheme": value["data"], "data_version": value["version"]}

    @model_validator(mode="after")
    def _is_one_that_canvas_saves(self) -> "Standard":
        bounds = [entry.value for entry in self.scheme]
        if not bounds:
            raise PydanticCustomError("empty", "has no letters")
        for entry in self.scheme:
            if entry.value < 0:
                raise PydanticCustomError("negative", "has a negative bound, of {name}", {"name": entry.name})
            if bounds.count(entry.value) > 1:
                raise PydanticCustomError("twice", "has the bound {value} twice", {"value": f"{entry.value:f}"})
        if self.data_version == 2 and 0 not in bounds:
            raise PydanticCustomError("no_zero", "has no letter from 0 on")
        if self.scaling_factor <= 0:
            raise PydanticCustomError("bad_factor", "has a scaling_factor that is not above 0")
        if self.scaling_factor != 1 and not self.points_based:
            raise PydanticCustomError("bad_factor", "has a scaling_factor other than 1, but is not points_based")
        if (self.context_type is None) != (self.context_id is None):
            raise PydanticCustomError("half_owner", "has one of context_type and context_id without the other")
        return self


def doubts(standard: Standard) -> list[str]:
    """Sentences about what Canvas saves although its author probably did not mean it."""
    which, found = f"grading standard {standard.id}", []
    highest = max(entry.value for entry in standard.scheme)
    if highest > 1:
        share, percent = f"{highest.normalize():f}", f"{(highest * 100).normalize():f}"
        found.append(f"{which} has a bound of {share}, which is {percent} %: bounds are shares, 0.94 for 94 %")
    names = Counter(entry.name.casefold() for entry in standard.scheme)
    found += [f"{which} has the letter {name} {count} times" for name, count in sorted(names.items()) if count > 1]
    return found
