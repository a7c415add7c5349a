"""What Canvas makes of a write: the object's new state, or a refusal. Pure.

An outcome and a scale have the form of their event's body. Rules and messages are those of Canvas' models and controllers
(`learning_outcome.rb`, `outcome_proficiency.rb`, `grading_standard.rb` and their `_api_controller.rb`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any, Literal, TypeAlias

from consumer.sandbox.casts import (
    LARGEST,
    as_boolean,
    as_decimal,
    as_float,
    as_integer,
    as_text,
    is_given,
    is_scalar,
)
from consumer.sandbox.events import Body, whole_seconds
from consumer.sandbox.refusals import Errors, Refusal
from consumer.serve.api.rails_params import Params, Value
from schemas.base import MAX_NUMBER, MAX_RATINGS
from schemas.grading_standards import Entry, Standard

Context: TypeAlias = tuple[Literal["Account", "Course"], int]

MAX_STRING = 255
"""Characters of a short text column."""
MAX_TEXT = 65_535
"""Characters of a long one."""

NO_DESCRIPTION = "No description"
_METHODS: Mapping[str, tuple[range, int | None]] = {
    "decaying_average": (range(1, 100), 65),
    "weighted_average": (range(1, 100), 65),
    "n_mastery": (range(1, 11), 5),
    "highest": (range(0), None),
    "latest": (range(0), None),
    "average": (range(0), None),
}
"""Calculation method -> its legal `calculation_int`, and the default. `standard_decaying_average` is stored as
`decaying_average`: the feature that tells them apart is off here, as it is by default."""
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
_DECIMAL = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?\s*", re.ASCII)
_COLOR = re.compile(r"[A-Fa-f0-9]{6}")
_SMALLEST = Decimal("1e-9")


def _set(body: Body, name: str, value: object) -> None:
    """Canvas leaves nil out of a body."""
    if value is None:
        body.pop(name, None)
    else:
        body[name] = value


# -- outcomes --


def outcome(known: Body, params: Params, *, account_level: bool, now: datetime) -> Body | Refusal:
    """An outcome after `PUT /outcomes/:id`: `known` itself where nothing changes, and then Canvas posts no event.

    `account_level`: account-level scales are on, and nobody may edit an outcome's own points, ratings and method.
    Only a method or integer in the request is checked: the feed may bring old ones that Canvas would not save today.
    """
    if account_level and (refused := _not_editable(params)):
        return refused
    errors = Errors()
    edited = dict(known)
    texts = (("title", MAX_STRING), ("display_name", MAX_STRING), ("description", MAX_TEXT), ("vendor_guid", MAX_STRING))
    for name, longest in texts:
        if name in params and is_scalar(params[name]):
            text = as_text(params[name])
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


def _not_editable(params: Params) -> Refusal | None:
    words = {
        "mastery_points": "mastery points",
        "ratings": "ratings",
        "calculation_method": "calculation values",
        "calculation_int": "calculation values",
    }
    for name, what in words.items():
        if is_given(params.get(name)):
            return Refusal(403, {"error": f"Individual outcome {what} cannot be modified."})
    return None


def _calculation(edited: Body, params: Params, errors: Errors) -> None:
    """The method and its integer. A new method without a new integer takes its default integer, or none."""
    before = edited.get("calculation_method"), edited.get("calculation_int")
    method, integer = before
    if "calculation_method" in params and is_scalar(params["calculation_method"]):
        method = as_text(params["calculation_method"])
        if method == "standard_decaying_average":
            method = "decaying_average"
    if "calculation_int" in params and is_scalar(params["calculation_int"]):
        integer = as_integer(params["calculation_int"])
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


def _criterion(edited: Body, params: Params, errors: Errors) -> None:
    """The outcome's own scale. New ratings replace all; missing `mastery_points` become the points of the highest rating."""
    known = edited.get("rubric_criterion")
    given, mastery = params.get("ratings"), params.get("mastery_points")
    if not is_given(given) and not is_given(mastery):
        if known is not None:
            edited["rubric_criterion"] = known | {"description": edited.get("title")}
        return
    ratings = given if is_given(given) else (known or _DEFAULT_CRITERION).get("ratings") or []
    if (
        not isinstance(ratings, list)
        or not 0 < len(ratings) <= MAX_RATINGS
        or not all(isinstance(one, dict) for one in ratings)
    ):
        errors.add("ratings", f"must be a list of 1 to {MAX_RATINGS} ratings")
        return
    levels = [(as_float(rating.get("points")), rating.get("description")) for rating in ratings]
    if any(points is None for points, _ in levels):
        errors.add("ratings", _TOO_LARGE)
        return
    levels.sort(key=lambda level: -(level[0] or 0.0))
    highest = levels[0][0]
    threshold = as_float(mastery) if is_given(mastery) else highest
    if threshold is None:
        errors.add("mastery_points", _TOO_LARGE)
        return
    edited["rubric_criterion"] = {
        "description": edited.get("title"),
        "ratings": [{"description": _described(description), "points": points} for points, description in levels],
        "mastery_points": threshold,
        "points_possible": highest,
    }


def _described(value: Value) -> str:
    text = as_text(value) if is_scalar(value) else None
    return NO_DESCRIPTION if text is None else text


# -- scales --


@dataclass(frozen=True, slots=True)
class NewIds:
    """Free ids: of a scale, and the first of any number of ratings."""

    scale: int
    rating: int


def scale(
    known: Body | None,
    known_at: datetime | None,
    context: Context,
    params: Params,
    new: NewIds,
    now: datetime,
) -> Body | Refusal:
    """The scale of a context after `POST .../outcome_proficiency`, complete and active.

    Ratings are replaced by position: an old one keeps its id, and members that the request leaves out. Surplus old ones go.
    `known`: the scale of this context, deleted or not, of an event at `known_at`; a negative id (from a backfill) is replaced.
    `updated_at` stays where only ratings change: it belongs to the scale's own columns.
    """
    given = params.get("ratings")
    rows = [row for row in given if isinstance(row, dict)] if isinstance(given, list) else []
    before = list((known or {}).get("outcome_proficiency_ratings") or [])
    errors = Errors()
    if not rows:
        errors.add("outcome_proficiency_ratings", "Missing required ratings")
    if len(rows) > MAX_RATINGS:
        errors.add("outcome_proficiency_ratings", f"more than {MAX_RATINGS} ratings")
        return errors.as_list()
    free = new.rating
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
    id_ = new.scale if known is None or int(known["outcome_proficiency_id"]) < 0 else int(known["outcome_proficiency_id"])
    body: Body = {
        "outcome_proficiency_id": str(id_),
        "context_type": context_type,
        "context_id": str(context_id),
        "workflow_state": "active",
        "outcome_proficiency_ratings": ratings,
    }
    if known is not None:
        updated = known.get("updated_at") or (known_at and whole_seconds(known_at))
        unchanged = updated if known.get("workflow_state") == "active" else None
        body["updated_at"] = unchanged or whole_seconds(now)
    return body


def highest_rating_id(ratings: Iterable[Mapping[str, Any]]) -> int:
    """The highest id of these ratings, or 0."""
    ids = (rating.get("outcome_proficiency_rating_id") for rating in ratings)
    return max((int(id_) for id_ in ids if id_ is not None), default=0)


def _rating(old: Mapping[str, Any], row: Params, errors: Errors) -> Body:
    prefix = "outcome_proficiency_ratings."
    given = {name: value for name, value in row.items() if is_scalar(value)}
    description = as_text(given["description"]) if "description" in given else old.get("description")
    if not (description or "").strip():
        errors.add(f"{prefix}description", "blank")
    elif len(str(description)) > MAX_STRING:
        errors.add(f"{prefix}description", "too_long")
    points = old.get("points")
    if "points" in given:
        points = None
        value = given["points"]
        if value is None or value == "":
            errors.add(f"{prefix}points", "blank")
        elif isinstance(value, bool) or (isinstance(value, str) and _DECIMAL.fullmatch(value) is None):
            errors.add(f"{prefix}points", "not_a_number")
        else:
            points = as_float(value)
            if points is None:
                errors.add(f"{prefix}points", "less_than_or_equal_to")
            elif points < 0:
                errors.add(f"{prefix}points", "greater_than_or_equal_to")
    elif points is None:
        errors.add(f"{prefix}points", "blank")
    color = as_text(given["color"]) if "color" in given else old.get("color")
    if not (color or "").strip():
        errors.add(f"{prefix}color", "blank")
    elif _COLOR.fullmatch(str(color)) is None:
        errors.add(f"{prefix}color", "invalid")
    mastery = as_boolean(given["mastery"]) if "mastery" in given else bool(old.get("mastery"))
    return {
        "description": description,
        "points": points,
        "mastery": mastery,
        "color": color,
        "workflow_state": "active",
    }


# -- grading standards --


def standard(known: Standard | None, id_: int, context: Context, params: Params, *, used: bool = False) -> Standard | Refusal:
    """A grading standard after POST or PUT, bounds as fractions with 4 decimals.

    What a PUT leaves out stays, and so does the state. `used`: something uses it for grading, so only its title may change.
    Values are in percent, or in points of `scaling_factor` where points-based.
    """
    errors = Errors()
    title: str | None = known.title if known else None
    if "title" in params and is_scalar(params["title"]):
        title = as_text(params["title"])
    title = (title or "").strip()
    if not title:
        errors.add("title", "blank")
    elif len(title) > MAX_STRING:
        errors.add("title", "too_long")
    points_based = known.points_based if known else False
    if "points_based" in params and is_scalar(params["points_based"]):
        points_based = as_boolean(params["points_based"])
    factor = known.scaling_factor if known else Decimal(1)
    if "scaling_factor" in params and is_scalar(params["scaling_factor"]):
        factor = Decimal(1) if params["scaling_factor"] in (None, "") else as_decimal(params["scaling_factor"])
    scheme = list(known.scheme) if known else []
    if factor <= 0 or not _SMALLEST <= factor <= LARGEST:
        errors.add("scaling_factor", "must be a number above 0")
    else:
        if known is None or "grading_scheme_entry" in params:
            scheme = _scheme(params.get("grading_scheme_entry"), factor if points_based else Decimal(100), errors)
        if factor != 1 and not points_based:
            errors.add("scaling_factor", "must be 1 if scheme points_based is false")
    if known and used:
        frozen = {"data": (list(known.scheme), scheme), "points_based": (known.points_based, points_based)}
        for name, (before, after) in {**frozen, "scaling_factor": (known.scaling_factor, factor)}.items():
            if before != after:
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


def _scheme(given: Value, whole: Decimal, errors: Errors) -> list[Entry]:
    """Letters by falling bound. The last bound of a name counts; an entry without name or bound is left out.

    Names are trimmed afterwards: with curl, `B+` and `B` of Canvas' example become `B ` and `B`, two letters named B.
    """
    bounds: dict[str, Decimal] = {}
    for row in given if isinstance(given, list) else []:
        if isinstance(row, dict) and is_scalar(row.get("name")) and is_scalar(row.get("value")):
            name = as_text(row.get("name"))
            if name is not None and row.get("value") is not None:
                bounds[name] = as_decimal(row["value"]) / whole
    values = [_rounded(bound) for bound in bounds.values()]
    if not bounds:
        errors.add("data", "blank")
    elif any(abs(value) > LARGEST for value in values):
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
    return value if abs(value) > LARGEST else value.quantize(Decimal("0.0001"), ROUND_HALF_UP)
