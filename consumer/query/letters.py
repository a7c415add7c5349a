"""Grading standards: taking them in from Canvas' REST answers, who uses which, and the letter of a percentage.

Canvas posts no event about them, so this is the one part of the projection that people bring. SQL knows the rules of letters
(migration 0002); here is what a standard must be to be taken in at all, and how it is shown.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text as RichText

from consumer.errors import UsageError
from consumer.ingest.tables import TABLES
from consumer.printable import printable
from consumer.query.objects import id_here, tenant_of
from consumer.query.sql import sql
from consumer.store.postgres import Connection, translated
from schemas.base import MAX_KEY_TEXT, SHARD, Flag, Id, Text, local_id

_PLACES = Decimal("0.0001")
_SMALLEST, _LARGEST = Decimal("1e-9"), Decimal("1e9")
"""What a number may be besides 0: nothing that a school means lies outside."""


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
    raise PydanticCustomError("bad_number", "is no decimal number of a grading standard")


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
    """As told; bounds of version 1 are upper ones, which the database turns into lower ones."""

    @model_validator(mode="before")
    @classmethod
    def _from_either_form(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise PydanticCustomError("bad_standard", "is no JSON object; a standard has an id, a title and a grading_scheme")
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


def read(label: str, raw: bytes) -> list[Standard]:
    """The standards of one JSON text: one, a list of them, or an object with `grading_standards`. Raises `UsageError`."""
    try:
        told = json.loads(raw, parse_float=_exact, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{label} is not JSON: {error}") from error
    if isinstance(told, dict):
        told = told.get("grading_standards", [told])
    if not isinstance(told, list):
        raise UsageError(f"{label} holds no grading standard: one, a list, or an object with grading_standards was expected")
    standards = []
    for number, value in enumerate(told, start=1):
        try:
            standards.append(Standard.model_validate(value))
        except ValidationError as error:
            which = value.get("id") if isinstance(value, dict) and value.get("id") else f"number {number}"
            raise UsageError(f"{label}: grading standard {which}: {_sentence(error)}; nothing was imported") from error
    return standards


def doubts(standard: Standard) -> list[str]:
    """What Canvas saves and its author may not have meant, a sentence each."""
    which, found = f"grading standard {standard.id}", []
    highest = max(entry.value for entry in standard.scheme)
    if highest > 1:
        share, percent = f"{highest.normalize():f}", f"{(highest * 100).normalize():f}"
        found.append(f"{which} has a bound of {share}, which is {percent} %: bounds are shares, 0.94 for 94 %")
    names = Counter(entry.name.casefold() for entry in standard.scheme)
    found += [f"{which} has the letter {name} {count} times" for name, count in sorted(names.items()) if count > 1]
    return found


def _exact(number: str) -> Decimal | str:
    """As it is written; what no decimal can hold is left as it stands, and refused where it is."""
    try:
        return Decimal(number)
    except InvalidOperation:
        return number


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    message = first["msg"]
    return f"{path}: {message[0].lower()}{message[1:]}" if path else message


async def tenant(connection: Connection, given: str | None) -> str:
    """As `objects.tenant_of`; where the projection is empty, the one named, or the only one that has standards."""
    known = [row[0] for name in TABLES for row in await connection.fetch(sql("tenants").format(table=name))]
    imported = [row[0] for row in await connection.fetch(sql("tenants").format(table="grading_standard"))]
    if given is not None:
        return given if given in imported or not known else await tenant_of(connection, given)
    if len(imported) == 1 and set(known) <= set(imported):
        only: str = imported[0]
        return only
    if not known:
        several = f": {', '.join(imported[:10])}" if imported else ""
        raise UsageError(f"the projection is empty: name the tenant with --tenant{several}")
    return await tenant_of(connection, None)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the standards of one import."""

    root_account_uuid: str
    standards: tuple[Mapping[str, Any], ...]
    """Each with its normalised scheme; `added`: a new state; `moved`: which is current now."""

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        added = sum(standard["added"] for standard in self.standards)
        return {
            "root_account_uuid": self.root_account_uuid,
            "imported": added,
            "unchanged": len(self.standards) - added,
            "standards": [_json(standard) for standard in self.standards],
        }


async def take_in(
    connection: Connection, standards: Iterable[Standard], given_tenant: str | None, as_of: datetime | None
) -> Imported:
    """Adds what is new, all or nothing. Raises `UsageError` where one standard is told in two ways."""
    _refuse_future(as_of)
    by_id: dict[int, Standard] = {}
    for standard in standards:
        if by_id.setdefault(standard.id, standard) != standard:
            raise UsageError(f"grading standard {standard.id} is told in two ways; nothing was imported")
    root_account_uuid = await tenant(connection, given_tenant)
    told = json.dumps([standard.model_dump(mode="json") for standard in by_id.values()])
    rows = await _write(connection, "letters_import", root_account_uuid, told, as_of)
    return Imported(root_account_uuid, tuple(dict(row) for row in rows))


async def use(
    connection: Connection,
    standard: int | None,
    context: tuple[str, int],
    given_tenant: str | None,
    as_of: datetime | None,
) -> dict[str, Any]:
    """Says which standard an assignment, course or account uses from a time on; None for none of its own."""
    _refuse_future(as_of)
    root_account_uuid = await tenant(connection, given_tenant)
    context_type, context_id = context[0], await id_here(connection, root_account_uuid, context[0].lower(), context[1])
    if standard is not None:
        found = await _standard(connection, root_account_uuid, standard, as_of)
        if found["workflow_state"] == "deleted":
            raise UsageError(f"grading standard {standard} is deleted: nothing can use it")
        standard = found["grading_standard_id"]
    ((valid_from, added),) = await _write(
        connection, "letters_use", root_account_uuid, context_type, context_id, standard, as_of
    )
    return {
        "root_account_uuid": root_account_uuid,
        "context_type": context_type,
        "context_id": context_id,
        "grading_standard_id": standard,
        "valid_from": valid_from,
        "added": added,
    }


async def _write(connection: Connection, statement: str, *arguments: Any) -> list[Any]:
    try:
        async with connection.transaction():
            await connection.execute(sql("letters_lock"))
            return list(await connection.fetch(sql(statement), *arguments))
    except Exception as error:
        meaning = translated(error)
        if meaning is None:
            raise
        raise meaning from error


def _refuse_future(as_of: datetime | None) -> None:
    if as_of is not None and as_of > datetime.now(UTC):
        raise UsageError(f"{as_of:%Y-%m-%d %H:%M:%S} lies in the future: what holds then is not known yet")


async def _standard(connection: Connection, root_account_uuid: str, id_: int, at: datetime | None) -> dict[str, Any]:
    row = await connection.fetchrow(sql("letters_standard"), root_account_uuid, local_id(id_), at)
    if row is None:
        then = f" at {at:%Y-%m-%d %H:%M:%S}" if at else ""
        raise UsageError(f"no grading standard {local_id(id_)} is known of {root_account_uuid}{then}")
    return dict(row)


async def listed(connection: Connection, given_tenant: str | None) -> list[dict[str, Any]]:
    """The newest state of each standard."""
    root_account_uuid = await tenant(connection, given_tenant)
    return [dict(row) for row in await connection.fetch(sql("letters_list"), root_account_uuid)]


@dataclass(frozen=True, slots=True)
class Shown:
    """One standard over time, and who uses it now."""

    root_account_uuid: str
    id: int
    states: tuple[Mapping[str, Any], ...]
    used_by: tuple[Mapping[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """For machines: the newest state, all states, the users."""
        return _json(self.states[-1]) | {"states": [_json(state) for state in self.states], "used_by": list(self.used_by)}


async def shown(connection: Connection, id_: int, given_tenant: str | None) -> Shown:
    """Raises `UsageError` where the standard is not known."""
    root_account_uuid = await tenant(connection, given_tenant)
    local = local_id(id_)
    states = await connection.fetch(sql("letters_history"), root_account_uuid, local)
    if not states:
        raise UsageError(f"no grading standard {local} is known of {root_account_uuid}")
    users = await connection.fetch(sql("letters_users"), root_account_uuid, local)
    return Shown(root_account_uuid, local, tuple(map(dict, states)), tuple(map(dict, users)))


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose letters: one standard's, or what counts for an assignment, a course, an account. Nothing: the built-in scheme's."""

    standard: int | None = None
    assignment: int | None = None
    course: int | None = None
    account: int | None = None
    tenant: str | None = None
    at: datetime | None = None


async def _chosen(connection: Connection, choice: Choice) -> dict[str, Any]:
    contexts = {"assignment": choice.assignment, "course": choice.course, "account": choice.account}
    named = {what: id_ for what, id_ in contexts.items() if id_ is not None}
    if choice.standard is not None and named:
        raise UsageError("--standard excludes --assignment, --course and --account")
    if choice.standard is None and not named:
        root_account_uuid = ""  # the built-in scheme is nobody's
    else:
        root_account_uuid = await tenant(connection, choice.tenant)
    if choice.standard is not None:
        return await _standard(connection, root_account_uuid, choice.standard, choice.at)
    here = contexts | {what: await id_here(connection, root_account_uuid, what, id_) for what, id_ in named.items()}
    return dict(await connection.fetchrow(sql("letters_effective"), root_account_uuid, *here.values(), choice.at) or {})


@dataclass(frozen=True, slots=True)
class Answer:
    """A letter and a percentage, and the standard that relates them."""

    letter: str
    percent: Decimal
    standard: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "letter": self.letter,
            "percent": float(self.percent),
            **{name: self.standard[name] for name in ("grading_standard_id", "title", "context_type", "context_id")},
        }

    @property
    def by(self) -> str:
        """Which standard, as a sentence's end."""
        if self.standard["grading_standard_id"] is None:
            return "by Canvas' built-in scheme"
        owner = _owner(self.standard)
        title = printable(self.standard["title"])
        return f"by grading standard {self.standard['grading_standard_id']} ({title}){owner and ' of '}{owner}"


async def grade(
    connection: Connection,
    choice: Choice,
    percent: Decimal | None = None,
    points: Decimal | None = None,
    possible: Decimal | None = None,
) -> Answer:
    """The letter of a percentage, or of points of what was possible."""
    standard = await _chosen(connection, choice)
    row = await connection.fetchrow(sql("letters_grade"), standard["grading_scheme"], percent, points, possible)
    assert row is not None
    return Answer(row["letter"], row["percent"], standard)


async def score(connection: Connection, choice: Choice, letter: str) -> Answer:
    """The percentage of a letter. Raises `UsageError` where the standard does not have it."""
    standard = await _chosen(connection, choice)
    percent = await connection.fetchval(
        sql("letters_score"), standard["grading_scheme"], letter, standard["points_based"], standard["scaling_factor"]
    )
    answer = Answer(letter, percent, standard)
    if percent is None:
        raise UsageError(f"there is no {letter} {answer.by}; there are {_letters(standard)}")
    return answer


def _json(standard: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: json.loads(value) if name == "grading_scheme" else float(value) if isinstance(value, Decimal) else value
        for name, value in standard.items()
    }


def as_json(standards: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For machines."""
    return [_json(standard) for standard in standards]


def _owner(standard: Mapping[str, Any]) -> str:
    return f"{standard['context_type']} {standard['context_id']}" if standard["context_type"] else ""


def _letters(standard: Mapping[str, Any]) -> str:
    """As people see them: letters from percentages, or from points."""
    factor = standard["scaling_factor"] if standard["points_based"] else 100
    return " · ".join(
        f"{entry['name']} {(entry['value'] * factor).normalize():f}"
        for entry in json.loads(standard["grading_scheme"], parse_float=Decimal, parse_int=Decimal)
    )


def render(standards: Iterable[Mapping[str, Any]], note: str = "state") -> RenderableType:
    """For people: a row a standard."""
    table = RichTable(box=None, header_style="dim", pad_edge=False)
    for column in ("id", "title", "owner", "letters", ""):
        table.add_column(column, overflow="fold", justify="right" if column == "id" else "left")
    for standard in standards:
        remark = standard["workflow_state"] if note == "state" else _became(standard)
        texts = (str(standard["id"]), standard["title"], _owner(standard), _letters(standard), remark)
        table.add_row(*(RichText(printable(text)) for text in texts))
    return table


def _became(standard: Mapping[str, Any]) -> str:
    if not standard["added"]:
        return "unchanged"
    return "imported" if standard["moved"] else "imported; a newer state is known"


def render_shown(found: Shown) -> RenderableType:
    """For people: its states as periods, and who uses it."""
    newest = found.states[-1]
    owner = _owner(newest)
    title = RichText(f"{printable(newest['title'])}{owner and ' of '}{owner}, grading standard {found.id}", style="bold")
    table = RichTable(box=None, header_style="dim", pad_edge=False)
    table.add_column("from", no_wrap=True)
    table.add_column("to", no_wrap=True)
    for column in ("title", "state", "points of 100 %", "letters"):
        table.add_column(column, overflow="fold")
    for state in found.states:
        factor = f"{state['scaling_factor'].normalize():f}" if state["points_based"] else ""
        texts = (_time(state["valid_from"]), _time(state["valid_to"]), state["title"], state["workflow_state"], factor)
        table.add_row(*(RichText(printable(text)) for text in (*texts, _letters(state))))
    users = ", ".join(f"{user['context_type']} {user['context_id']}" for user in found.used_by)
    return Group(title, table, RichText(f"used by {users or 'nobody'}"))


def _time(value: datetime | None) -> str:
    return "now" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"
