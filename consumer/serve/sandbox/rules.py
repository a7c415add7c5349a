"""What Canvas makes of a write: the object's new state, or its refusal; and the Live Event that it would post. Pure.

An outcome and a scale are held as the body of their event. Rules and words of refusals are those of Canvas' models and
controllers (`learning_outcome.rb`, `outcome_proficiency.rb`, `grading_standard.rb` and their `_api_controller.rb`). Three kinds
of refusal: an outcome's and a grading standard's is a 400 with `errors` by attribute, a scale's a 422 with a list.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import orjson

from consumer.ingest.tables import Table
from consumer.serve.api.rails_params import Params, Value
from schemas.base import MAX_NUMBER, MAX_RATINGS, SHARD
from schemas.grading_standards import Entry, Standard

Body: TypeAlias = dict[str, Any]
"""Of an event: nothing null, ids as strings."""

MAX_STRING = 255
"""Characters of a short text column."""
MAX_TEXT = 65_535
"""Characters of a long one."""
MAX_EVENT_BYTES = 1_000_000
"""Canvas drops a larger event unsent."""

NO_DESCRIPTION = "No description"
_METHODS: Mapping[str, tuple[range, int | None]] = {
    "decaying_average": (range(1, 100), 65),
    "weighted_average": (range(1, 100), 65),
    "n_mastery": (range(1, 11), 5),
    "highest": (range(0), None),
    "latest": (range(0), None),
    "average": (range(0), None),
}
"""Each calculation method with its legal `calculation_int` and the one it begins with. `standard_decaying_average` is stored as
`decaying_average`: the feature that makes it another is off here, as it is where nobody has asked for it."""
_DEFAULT_CRITERION = {
    "mastery_points": 3.0,
    "points_possible": 5.0,
    "ratings": [
        {"description": "Exceeds Expectations", "points": 5.0},
        {"description": "Meets Expectations", "points": 3.0},
        {"description": "Does Not Meet Expectations", "points": 0.0},
    ],
}
_TOO_LARGE = f"must be a number of at most {MAX_NUMBER:.0e} in size"
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "off", "OFF"})
_FLOAT = re.compile(r"\s*([+-]?(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,4})?)", re.ASCII)
_DECIMAL = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?\s*", re.ASCII)
_INTEGER = re.compile(r"\s*([+-]?\d{1,12})", re.ASCII)
_COLOR = re.compile(r"[A-Fa-f0-9]{6}")
_SMALLEST, _LARGEST, _BEYOND = Decimal("1e-9"), Decimal("1e9"), Decimal("1e16")


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer of Canvas' that says no."""

    status: int
    body: Mapping[str, Any]


class _Errors:
    """What is wrong, attribute by attribute, in the order it was found."""

    def __init__(self) -> None:
        self._found: list[tuple[str, str]] = []

    def add(self, attribute: str, kind: str) -> None:
        """`kind` is Rails' word for a fault, or a sentence: without a text of its own a fault is told by its word."""
        self._found.append((attribute, kind))

    def __bool__(self) -> bool:
        return bool(self._found)

    def by_attribute(self) -> Refused:
        """As a controller answers that asked whether an object was saved."""
        errors: dict[str, list[dict[str, str]]] = {}
        for attribute, kind in self._found:
            errors.setdefault(attribute, []).append({"attribute": attribute, "type": kind, "message": kind})
        return Refused(400, {"errors": errors})

    def as_list(self) -> Refused:
        """As Canvas answers where the saving itself failed."""
        errors = [{"field": attribute, "message": kind, "error_code": kind} for attribute, kind in self._found]
        return Refused(422, {"errors": errors})


# Outcomes


def outcome(known: Body, params: Params, *, account_level: bool, now: datetime) -> Body | Refused:
    """An outcome as `PUT /outcomes/:id` leaves it: `known` itself where nothing changes, and then Canvas posts no event.

    `account_level`: account-level scales are on, and an outcome's own points, ratings and method are not to be edited.
    A method or an integer that the request does not touch is not judged: the feed brings old ones that Canvas would not save.
    """
    if account_level and (refused := _frozen_outcome(params)):
        return refused
    errors = _Errors()
    edited = dict(known)
    texts = (("title", MAX_STRING), ("display_name", MAX_STRING), ("description", MAX_TEXT), ("vendor_guid", MAX_STRING))
    for name, longest in texts:
        if name in params and _is_scalar(params[name]):
            text = _as_text(params[name])
            column = "short_description" if name == "title" else name
            if text is not None and len(text) > longest:
                errors.add(column, "too_long")
            _set(edited, name, text)
    if not str(edited.get("title") or "").strip():
        errors.add("short_description", "blank")
    else:
        edited["short_description"] = edited["title"]
    _calculation(edited, params, errors)
    _criterion(edited, params, errors)
    if errors:
        return errors.by_attribute()
    if edited == known:
        return known
    return edited | {"updated_at": whole_seconds(now)}


def _frozen_outcome(params: Params) -> Refused | None:
    words = {
        "mastery_points": "mastery points",
        "ratings": "ratings",
        "calculation_method": "calculation values",
        "calculation_int": "calculation values",
    }
    for name, what in words.items():
        if _is_given(params.get(name)):
            return Refused(403, {"error": f"Individual outcome {what} cannot be modified."})
    return None


def _calculation(edited: Body, params: Params, errors: _Errors) -> None:
    """The method and its integer. A new method without a new integer takes its own default, and one without uses none."""
    before = edited.get("calculation_method"), edited.get("calculation_int")
    method, integer = before
    if "calculation_method" in params and _is_scalar(params["calculation_method"]):
        method = _as_text(params["calculation_method"])
        if method == "standard_decaying_average":
            method = "decaying_average"
    if "calculation_int" in params and _is_scalar(params["calculation_int"]):
        integer = _as_integer(params["calculation_int"])
    if (method, integer) == before:
        return
    legal, default = _METHODS.get(method or "", (range(0), None))
    if method == before[0]:
        method = method or "decaying_average"
        legal, default = _METHODS.get(method, (range(0), None))
        integer = default if integer is None else integer
    elif integer == before[1] or method in ("highest", "latest"):
        integer = default
    if method not in _METHODS:
        errors.add("calculation_method", f"calculation_method must be one of the following: {', '.join(_METHODS)}")
    elif integer is not None and not legal:
        errors.add("calculation_int", "A calculation value is not used with this calculation method")
    elif legal and integer not in legal:
        between = f"The value must be between '{legal[0]}' and '{legal[-1]}'"
        errors.add("calculation_int", f"'{integer}' is not a valid value for this calculation method. {between}")
    _set(edited, "calculation_method", method)
    _set(edited, "calculation_int", integer)


def _criterion(edited: Body, params: Params, errors: _Errors) -> None:
    """The outcome's own scale. New ratings replace all; `mastery_points` that are not given become those of the highest."""
    known = edited.get("rubric_criterion")
    given, mastery = params.get("ratings"), params.get("mastery_points")
    if not _is_given(given) and not _is_given(mastery):
        if known is not None:
            edited["rubric_criterion"] = known | {"description": edited.get("title")}
        return
    told = given if _is_given(given) else (known or _DEFAULT_CRITERION).get("ratings") or []
    if not isinstance(told, list) or not 0 < len(told) <= MAX_RATINGS or not all(isinstance(rating, dict) for rating in told):
        errors.add("ratings", f"must be a list of 1 to {MAX_RATINGS} ratings")
        return
    levels = [(_as_float(rating.get("points")), rating.get("description")) for rating in told]
    if any(points is None for points, _ in levels):
        errors.add("ratings", _TOO_LARGE)
        return
    levels.sort(key=lambda level: -(level[0] or 0.0))
    highest = levels[0][0]
    threshold = _as_float(mastery) if _is_given(mastery) else highest
    if threshold is None:
        errors.add("mastery_points", _TOO_LARGE)
        return
    edited["rubric_criterion"] = {
        "description": edited.get("title"),
        "ratings": [{"description": _described(description), "points": points} for points, description in levels],
        "mastery_points": threshold,
        "points_possible": highest,
    }


def _described(told: Value) -> str:
    text = _as_text(told) if _is_scalar(told) else None
    return NO_DESCRIPTION if text is None else text


# Scales


@dataclass(frozen=True, slots=True)
class FreshIds:
    """Ids that nothing known has: of a scale, and the first of as many ratings as are needed."""

    scale: int
    rating: int


def scale(
    known: Body | None,
    told_at: datetime | None,
    context: tuple[Literal["Account", "Course"], int],
    params: Params,
    fresh: FreshIds,
    now: datetime,
) -> Body | Refused:
    """The scale of a context as `POST .../outcome_proficiency` leaves it, complete and active.

    Ratings are replaced by position: an old one keeps its id, and what the request does not say of it. Those left over go.
    `known`: the scale of this context, deleted or not, told by an event at `told_at`; a negative id (REST told it) is replaced.
    `updated_at` stays where only ratings change: it is the scale's own, and its own columns do not.
    """
    told = params.get("ratings")
    rows = [row for row in told if isinstance(row, dict)] if isinstance(told, list) else []
    before = list((known or {}).get("outcome_proficiency_ratings") or [])
    errors = _Errors()
    if not rows:
        errors.add("outcome_proficiency_ratings", "Missing required ratings")
    if len(rows) > MAX_RATINGS:
        errors.add("outcome_proficiency_ratings", f"more than {MAX_RATINGS} ratings")
        return errors.as_list()
    free = fresh.rating
    ratings: list[Body] = []
    for index, row in enumerate(rows):
        old = before[index] if index < len(before) else {}
        rating = _rating(old, row, errors)
        id_ = old.get("outcome_proficiency_rating_id")
        if id_ is None:
            id_, free = str(free), free + 1
        ratings.append({"outcome_proficiency_rating_id": str(id_), **rating})
    if sum(rating["mastery"] for rating in ratings) != 1:
        errors.add("outcome_proficiency_ratings", "Exactly one rating can have mastery")
    for upper, lower in pairwise(rating["points"] for rating in ratings):
        if upper is not None and lower is not None and upper <= lower:
            errors.add("outcome_proficiency_ratings", f"Points should be strictly decreasing: {upper} <= {lower}")
    if errors:
        return errors.as_list()
    context_type, context_id = context
    id_ = fresh.scale if known is None or int(known["outcome_proficiency_id"]) < 0 else int(known["outcome_proficiency_id"])
    body: Body = {
        "outcome_proficiency_id": str(id_),
        "context_type": context_type,
        "context_id": str(context_id),
        "workflow_state": "active",
        "outcome_proficiency_ratings": ratings,
    }
    if known is not None:
        told_seconds = known.get("updated_at") or (told_at and whole_seconds(told_at))
        unmoved = told_seconds if known.get("workflow_state") == "active" else None
        body["updated_at"] = unmoved or whole_seconds(now)
    return body


def _rating(old: Mapping[str, Any], row: Params, errors: _Errors) -> Body:
    of = "outcome_proficiency_ratings."
    said = {name: value for name, value in row.items() if _is_scalar(value)}
    description = _as_text(said["description"]) if "description" in said else old.get("description")
    if not (description or "").strip():
        errors.add(f"{of}description", "blank")
    elif len(str(description)) > MAX_STRING:
        errors.add(f"{of}description", "too_long")
    points = old.get("points")
    if "points" in said:
        points = None
        value = said["points"]
        if value is None or value == "":
            errors.add(f"{of}points", "blank")
        elif isinstance(value, bool) or (isinstance(value, str) and _DECIMAL.fullmatch(value) is None):
            errors.add(f"{of}points", "not_a_number")
        else:
            points = _as_float(value)
            if points is None:
                errors.add(f"{of}points", "less_than_or_equal_to")
            elif points < 0:
                errors.add(f"{of}points", "greater_than_or_equal_to")
    elif points is None:
        errors.add(f"{of}points", "blank")
    color = _as_text(said["color"]) if "color" in said else old.get("color")
    if not (color or "").strip():
        errors.add(f"{of}color", "blank")
    elif _COLOR.fullmatch(str(color)) is None:
        errors.add(f"{of}color", "invalid")
    mastery = _as_boolean(said["mastery"]) if "mastery" in said else bool(old.get("mastery"))
    return {
        "description": description,
        "points": points,
        "mastery": mastery,
        "color": color,
        "workflow_state": "active",
    }


# Grading standards


def standard(
    known: Standard | None, id_: int, context: tuple[Literal["Account", "Course"], int], params: Params, *, used: bool = False
) -> Standard | Refused:
    """A grading standard as POST makes it or PUT leaves it, bounds as fractions of 4 decimals.

    What a PUT does not say stays, and so does the state. `used`: something uses it for grading, so that all but its title must
    stay. Values are in percent, or in points of `scaling_factor` where points-based.
    """
    errors = _Errors()
    title: str | None = known.title if known else None
    if "title" in params and _is_scalar(params["title"]):
        title = _as_text(params["title"])
    title = (title or "").strip()
    if not title:
        errors.add("title", "blank")
    elif len(title) > MAX_STRING:
        errors.add("title", "too_long")
    points_based = known.points_based if known else False
    if "points_based" in params and _is_scalar(params["points_based"]):
        points_based = _as_boolean(params["points_based"])
    factor = known.scaling_factor if known else Decimal(1)
    if "scaling_factor" in params and _is_scalar(params["scaling_factor"]):
        factor = Decimal(1) if params["scaling_factor"] in (None, "") else _as_decimal(params["scaling_factor"])
    scheme = list(known.scheme) if known else []
    if factor <= 0 or not _SMALLEST <= factor <= _LARGEST:
        errors.add("scaling_factor", "must be a number above 0")
    else:
        if known is None or "grading_scheme_entry" in params:
            scheme = _scheme(params.get("grading_scheme_entry"), factor if points_based else Decimal(100), errors)
        if factor != 1 and not points_based:
            errors.add("scaling_factor", "must be 1 if scheme points_based is false")
    if known and used:
        frozen = {"data": (list(known.scheme), scheme), "points_based": (known.points_based, points_based)}
        for name, (was, becomes) in {**frozen, "scaling_factor": (known.scaling_factor, factor)}.items():
            if was != becomes:
                errors.add(name, "cannot be changed once the grading standard has been used for grading")
    if errors:
        return errors.by_attribute()
    context_type, context_id = context
    return Standard.model_validate(
        {
            "id": id_,
            "title": title,
            "context_type": context_type,
            "context_id": context_id,
            "workflow_state": known.workflow_state if known else "active",
            "points_based": points_based,
            "scaling_factor": factor,
            "grading_scheme": [entry.model_dump() for entry in scheme],
        }
    )


def _scheme(told: Value, whole: Decimal, errors: _Errors) -> list[Entry]:
    """Letters by falling bound. Of a name that comes twice the last bound counts; what lacks a name or a bound is left out.

    Blanks around names go only afterwards, so that `B+` and `B`, sent with curl as the document has them, are two letters B.
    """
    bounds: dict[str, Decimal] = {}
    for row in told if isinstance(told, list) else []:
        if isinstance(row, dict) and _is_scalar(row.get("name")) and _is_scalar(row.get("value")):
            name = _as_text(row.get("name"))
            if name is not None and row.get("value") is not None:
                bounds[name] = _as_decimal(row["value"]) / whole
    values = [_rounded(bound) for bound in bounds.values()]
    if not bounds:
        errors.add("data", "blank")
    elif any(abs(value) > _LARGEST for value in values):
        errors.add("data", "a grading scheme value is too large")
    else:
        if any(value < 0 for value in values):
            errors.add("data", "grading scheme values cannot be negative")
        if len(set(values)) < len(values):
            errors.add("data", "grading scheme cannot contain duplicate values")
        if any(len(name) > MAX_STRING for name in bounds):
            errors.add("data", "a grading scheme name is too long")
        if 0 not in values:
            errors.add("data", "grading schemes must have 0% for the lowest grade")
    if errors:
        return []
    entries = [Entry(name=name, value=value) for name, value in zip(bounds, values, strict=True)]
    return sorted(entries, key=lambda entry: -entry.value)


def _rounded(value: Decimal) -> Decimal:
    return value if abs(value) > _LARGEST else value.quantize(Decimal("0.0001"), ROUND_HALF_UP)


# Values, cast as Rails casts them


def _is_given(value: Value) -> bool:
    """Ruby's truth: everything but nil and false."""
    return value is not None and value is not False


def _is_scalar(value: Value) -> bool:
    """What `permit` lets through under a plain name; a list or an object is ignored."""
    return not isinstance(value, (list, dict))


def _as_text(value: Value) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "t" if value else "f"
        case _:
            return str(value)


def _as_boolean(value: Value) -> bool:
    return value not in (None, "", False, 0) and str(value) not in _FALSE


def _as_integer(value: Value) -> int | None:
    """As a column of whole numbers takes it: a text by the number that it begins with, else 0."""
    match value:
        case None | "":
            return None
        case str():
            found = _INTEGER.match(value)
            return int(found[1]) if found else 0
        case bool() | int():
            return int(value)
        case Decimal():
            return int(value) if abs(value) <= _LARGEST else int(_LARGEST)
        case _:
            return None


def _as_decimal(value: Value) -> Decimal:
    """Ruby's `to_f`, without its rounding: nothing is 0, a text the number that it begins with, else 0. At most 10^16."""
    number: Decimal = Decimal(0)
    match value:
        case Decimal() | bool() | int():
            number = Decimal(value)
        case str() if found := _FLOAT.match(value):
            number = Decimal(found[1].replace("_", ""))
    return min(max(number, -_BEYOND), _BEYOND)


def _as_float(value: "Value | float") -> float | None:
    """As `_as_decimal`, or a float as it is; None for what no number can be, or none that an event can hold."""
    if isinstance(value, (bool, list, dict)):
        return None
    number = Decimal(value) if isinstance(value, float) else _as_decimal(value)
    return float(number) + 0.0 if abs(number) <= MAX_NUMBER else None


def _set(body: Body, name: str, value: object) -> None:
    """Canvas leaves out of a body what is nil."""
    if value is None:
        body.pop(name, None)
    else:
        body[name] = value


# Events


@dataclass(frozen=True, slots=True)
class Request:
    """What an event's metadata tells of the request that made it. The address is without its query: that may hold a secret."""

    method: str
    url: str
    hostname: str | None
    client_ip: str | None
    user_agent: str | None
    request_id: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request was made; ids are global ones, and None where no event has told them."""

    root_account_uuid: str
    root_account_id: int | None
    context_type: str | None = None
    context_id: int | None = None
    context_account_id: int | None = None


def global_id(local: int | None, root_account_id: int | None) -> int | None:
    """The global id of something on the root account's shard."""
    if local is None or root_account_id is None or local >= SHARD:
        return local
    return root_account_id // SHARD * SHARD + local


def event(name: str, body: Body, at: datetime, place: Place, request: Request) -> bytes | Refused:
    """The record that a bridge would put on the topic. Refused above what Canvas sends."""
    metadata: Body = {
        "event_name": name,
        "event_time": milliseconds(at),
        "producer": "canvas",
        "root_account_uuid": place.root_account_uuid,
    }
    metadata |= _known(
        root_account_id=place.root_account_id,
        context_type=place.context_type,
        context_id=place.context_id,
        context_account_id=place.context_account_id,
    )
    metadata |= {
        "request_id": request.request_id,
        "hostname": request.hostname,
        "http_method": request.method,
        "url": request.url,
        "client_ip": request.client_ip,
        "user_agent": request.user_agent,
        "referrer": None,
    }
    value = orjson.dumps({"metadata": metadata, "body": body})
    if len(value) > MAX_EVENT_BYTES:
        message = f"the event would have more than {MAX_EVENT_BYTES} bytes, and Canvas sends none such"
        return Refused(400, {"errors": [{"message": message}]})
    return value


def _known(**members: int | str | None) -> Body:
    return {name: str(value) for name, value in members.items() if value is not None}


def body_of(table: Table, row: Mapping[str, Any]) -> Body:
    """A row of the projection as the body of the event that would tell it."""
    body: Body = {table.id_member: str(row["id"])}
    for name in table.members:
        value = row[name]
        if value is None:
            continue
        if name in table.json:
            value = orjson.loads(value)
        elif name.endswith("_id"):
            value = str(value)
        elif isinstance(value, datetime):
            value = whole_seconds(value)
        body[name] = value
    if row["extra"] is not None:
        body |= orjson.loads(row["extra"])
    return body


def highest_rating_id(scales: Iterable[Sequence[Mapping[str, Any]]]) -> int:
    """The greatest id of any rating, or 0."""
    ids = (rating.get("outcome_proficiency_rating_id") for ratings in scales for rating in ratings)
    return max((int(id_) for id_ in ids if id_ is not None), default=0)


def whole_seconds(time: datetime) -> str:
    """As Canvas writes times in a body."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def milliseconds(time: datetime) -> str:
    """As Canvas writes `event_time`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
