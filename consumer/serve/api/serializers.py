"""From rows of the projection to Canvas' shapes (`schemas.rest`). Pure. Unknown values are left out or null, never guessed.

Members and paths are those of Canvas' `lib/api/v1/outcome.rb`, `outcome_results.rb`, `grading_standard.rb` and `account.rb`.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Literal, Protocol, TypeAlias, get_args

import orjson

from consumer.canvas.mapping import WITH_NUMBER
from schemas.base import Part

Json: TypeAlias = dict[str, Any]
Style: TypeAlias = Literal["full", "abbrev"]


class Row(Protocol):
    """A row of the projection: a record of the database, or a dict."""

    def __getitem__(self, name: str, /) -> Any:
        """The value of a column."""


_RATING = ("description", "points", "mastery", "color")
_STATES = {"unpublished": ("claimed", "created")}
"""A course's state in REST -> its stored states."""


def with_string_ids(value: Any) -> Any:
    """A JSON value whose integers under `id`, `*_id` and in `ids`, `*_ids` are strings (Canvas' gems/stringify_ids)."""
    if isinstance(value, dict):
        return {name: _string_ids_of(name, member) for name, member in value.items()}
    if isinstance(value, list):
        return [with_string_ids(item) for item in value]
    return value


def _string_ids_of(name: str, value: Any) -> Any:
    if name == "id" or name.endswith("_id"):
        return str(value) if _is_integer(value) else with_string_ids(value)
    if (name == "ids" or name.endswith("_ids")) and isinstance(value, list):
        return [str(item) if _is_integer(item) else with_string_ids(item) for item in value]
    return with_string_ids(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def parsed(value: str | None) -> Any:
    """A JSON column."""
    return None if value is None else orjson.loads(value)


# -- scales and outcomes --


def ratings(scale: Sequence[Any] | None) -> list[Json]:
    """The levels of a mastery scale, as `outcome_proficiency` shows them, without deleted ones."""
    active = (one for one in scale or () if isinstance(one, dict) and one.get("workflow_state") != "deleted")
    return [{name: rating.get(name) for name in _RATING} for rating in active]


def proficiency(scale: str) -> Json:
    """A mastery scale from its stored ratings."""
    return {"ratings": ratings(parsed(scale))}


def outcome(row: Row) -> Json:
    """`GET /api/v1/outcomes/:id`. With account-level scales on, points, ratings and method are left out."""
    shown = _outcome_head(row) | {"description": row["description"], "friendly_description": row["friendly_description"]}
    if not row["account_level"]:
        shown |= _own_scale(row) | _method(row["calculation_method"], row["calculation_int"])
    return shown | {"assessed": row["assessed"]}


def _outcome_head(row: Row) -> Json:
    return {
        "id": row["id"],
        "url": f"/api/v1/outcomes/{row['id']}",
        "context_id": row["context_id"],
        "context_type": row["context_type"],
        "title": row["title"],
        "display_name": row["display_name"],
        "vendor_guid": row["vendor_guid"],
        "can_edit": False,
    }


def _own_scale(row: Row) -> Json:
    criterion = parsed(row["rubric_criterion"])
    criterion = criterion if isinstance(criterion, dict) else {}
    levels = criterion.get("ratings")
    ratings_shown = [
        {"description": _text(level.get("description")), "points": _number(level.get("points"))}
        for level in (levels if isinstance(levels, list) else ())
        if isinstance(level, dict)
    ]
    return {
        "points_possible": _number(criterion.get("points_possible")),
        "mastery_points": _number(criterion.get("mastery_points")),
        "ratings": ratings_shown if isinstance(levels, list) else None,
    }


def _number(value: Any) -> float | int | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _method(name: str | None, number: int | None) -> Json:
    """Canvas computes an outcome without a method as `highest`."""
    method = name or "highest"
    return {"calculation_method": method} | ({"calculation_int": number} if method in WITH_NUMBER else {})


def _scale_in_context(row: Row) -> Json:
    """The scale and the method that apply in the context; where it has none, the outcome's own."""
    scale = parsed(row["outcome_proficiency_ratings"])
    if scale is None:
        points = _own_scale(row)
    else:
        levels = ratings(scale)
        mastery = next((level["points"] for level in levels if level["mastery"]), None)
        points = {"points_possible": levels[0]["points"] if levels else None, "mastery_points": mastery, "ratings": levels}
    method = ("found_method", "found_int") if row["method_found"] else ("calculation_method", "calculation_int")
    return points | _method(row[method[0]], row[method[1]])


# -- groups and links --


def _path(context_type: str | None, context_id: int | None) -> str:
    contexts = {"Account": "accounts", "Course": "courses"}.get(context_type or "")
    return "/api/v1/global" if contexts is None or context_id is None else f"/api/v1/{contexts}/{context_id}"


def _abbreviated_group(
    id_: int, title: str | None, vendor_guid: str | None, context_type: str | None, context_id: int | None
) -> Json:
    path = f"{_path(context_type, context_id)}/outcome_groups/{id_}"
    return {
        "id": id_,
        "title": title or "",
        "vendor_guid": vendor_guid,
        "url": path,
        "subgroups_url": f"{path}/subgroups",
        "outcomes_url": f"{path}/outcomes",
        "can_edit": False,
    }


def group(row: Row, prefix: str = "", style: Style = "full") -> Json:
    """A group. A parent without an event has only an id, and its title is empty."""
    id_, context = row[f"{prefix}id"], (row[f"{prefix}context_type"], row[f"{prefix}context_id"])
    shown = _abbreviated_group(id_, row[f"{prefix}title"], row[f"{prefix}vendor_guid"], *context)
    if style == "abbrev":
        return shown
    shown |= {"import_url": f"{shown['url']}/import", "context_id": context[1], "context_type": context[0]}
    shown["description"] = row[f"{prefix}description"]
    if row["parent_outcome_group_id"] is not None:
        parent_context = (row["parent_context_type"], row["parent_context_id"]) if row["parent_title"] is not None else context
        shown["parent_outcome_group"] = _abbreviated_group(
            row["parent_outcome_group_id"], row["parent_title"], row["parent_vendor_guid"], *parent_context
        )
    return shown


def outcome_in_context(row: Row) -> Json:
    """An outcome of a course or account, on the scale that applies there."""
    texts = {name: row[name] for name in ("description", "friendly_description")}
    return _outcome_head(row) | texts | _scale_in_context(row) | {"assessed": row["assessed"]}


def link(row: Row, context: tuple[str, int], outcome_style: Style, group_style: Style) -> Json:
    """A link of an outcome to a group of a course or account."""
    return {
        "context_id": context[1],
        "context_type": context[0],
        "url": f"{_path(*context)}/outcome_groups/{row['group_id']}/outcomes/{row['id']}",
        "outcome_group": group(row, "group_", group_style),
        "outcome": outcome_in_context(row) if outcome_style == "full" else _outcome_head(row),
        "assessed": row["assessed"],
        "can_unlink": False,
    }


# -- alignments --


def alignment(row: Row) -> Json:
    """What measures an outcome. Title and submission types come from a backfill or from the assignment's events."""
    if row["asset_type"] != "Assignment":
        types = row["submission_types"] or "magic_marker"
        return {
            "learning_outcome_id": row["learning_outcome_id"],
            "title": row["title"],
            "assessment_id": row["asset_id"],
            "submission_types": types,
        }
    return {
        "learning_outcome_id": row["learning_outcome_id"],
        "title": row["title"],
        "assignment_id": row["asset_id"],
        "submission_types": row["submission_types"],
        "url": row["url"],
    }


# -- grading standards --


def standard(row: Row) -> Json:
    """A grading standard. Bounds are fractions; `calculated_value` is the bound in percent, or in points if points-based."""
    factor = Decimal(row["scaling_factor"])
    unit = factor if row["points_based"] else Decimal(100)
    scheme = orjson.loads(row["grading_scheme"])
    return {
        "id": row["id"],
        "title": row["title"],
        "context_type": row["context_type"],
        "context_id": row["context_id"],
        "points_based": row["points_based"],
        "scaling_factor": float(factor),
        "grading_scheme": [
            {"name": entry["name"], "value": entry["value"], "calculated_value": float(Decimal(str(entry["value"])) * unit)}
            for entry in scheme
        ],
    }


# -- accounts and courses --


def account(row: Row, tenant: str) -> Json:
    """An account. The root account's uuid is the tenant; no event tells those of others. A root has neither parent nor root."""
    is_root = row["id"] == row["root_id"]
    return {
        "id": row["id"],
        "name": row["name"] or "",
        "uuid": tenant if is_root else None,
        "parent_account_id": row["parent_account_id"],
        "root_account_id": None if is_root else row["root_id"],
        "workflow_state": row["workflow_state"],
        "default_time_zone": row["default_time_zone"],
    }


def course(row: Row) -> Json:
    """A course; REST says `unpublished` for `claimed` and `created`."""
    state = row["workflow_state"]
    return {
        "id": row["id"],
        "name": row["name"],
        "uuid": row["uuid"],
        "account_id": row["account_id"],
        "root_account_id": row["root_id"],
        "workflow_state": "unpublished" if state in _STATES["unpublished"] else state,
        "created_at": row["created_at"],
    }


def course_states(named: Sequence[str] | None) -> list[str] | None:
    """The stored states that `state[]` names; None: any but deleted."""
    if not named:
        return None
    if "all" in named:
        return ["claimed", "created", "available", "completed", "deleted"]
    return [state for one in named for state in _STATES.get(one, (one,))]


# -- history --


def period(row: Mapping[str, Any], model: type[Part], left_out: Iterable[str]) -> Json:
    """A state of an object as a period, without nulls. Nested objects keep only the members that `model` declares."""
    hidden = {*left_out, "valid_from", "valid_to", "event_name"}
    members = {}
    for name, value in row.items():
        if name not in hidden and value is not None:
            part = _part_of(model, name)
            members[name] = value if part is None else _declared(parsed(value), part)
    return {"valid_from": row["valid_from"], "valid_to": row["valid_to"], "event_name": row["event_name"], **members}


def _declared(value: Any, part: type[Part]) -> Any:
    """Without undeclared members: they may hold anything."""
    if isinstance(value, list):
        return [_declared(item, part) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {name: _part_of(part, name) for name in value if name in part.model_fields}
    return {name: value[name] if of is None else _declared(value[name], of) for name, of in inner.items()}


@cache
def _part_of(model: type[Part], name: str) -> type[Part] | None:
    """The model of a member or of its items; None for a plain value."""
    annotations = [model.model_fields[name].annotation] if name in model.model_fields else []
    while annotations:
        found = annotations.pop()
        if isinstance(found, type) and issubclass(found, Part):
            return found
        annotations += get_args(found)
    return None


def scale_period(row: Row) -> Json:
    """Which scale applied in a period, and its owner."""
    scale = parsed(row["outcome_proficiency_ratings"])
    return {
        "valid_from": row["valid_from"],
        "valid_to": row["valid_to"],
        "outcome_proficiency_id": row["outcome_proficiency_id"],
        "context_type": row["scale_owner_type"],
        "context_id": row["scale_owner_id"],
        "ratings": None if scale is None else ratings(scale),
    }


_STATE = ("mastery", "rating", "color", "calculation_method", "calculation_int", "points_possible", "mastery_points", "results")


def change(row: Row) -> Json:
    """A change of a score, and its cause."""
    score = None if row["score"] is None else float(row["score"])
    state = {name: row[name] for name in _STATE}
    return {"at": row["at"], "score": score, **state, "cause": row["cause"], "caused_by": parsed(row["caused_by"])}
