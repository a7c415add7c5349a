"""What REST tells against what is known: the version to be written, if any, and where the two differ. Pure.

The rules (design 7): a version only where REST tells something else than the newest version, unless that is newer than the
request. Members that REST cannot tell are taken over, those of no model too. Null and absent are the same, numbers are
compared as numbers and times by their seconds.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

import orjson

from consumer.canvas.client import Context
from consumer.canvas.mapping import Told, scale
from consumer.ingest.tables import TABLES
from schemas import rest
from schemas.base import local_id

Body = dict[str, Any]

UNPUBLISHED = frozenset({"unpublished", "created", "claimed"})
"""One state of a course: REST's word for it, and the events'."""

UNDELETED = frozenset({"archived", "retired"})
"""States of outcomes and groups that Canvas' lists show as they do active ones (`learning_outcome_context.rb`)."""

_SAME_METHOD = frozenset({("decaying_average", "weighted_average"), ("standard_decaying_average", "decaying_average")})
"""(stored, told): with the new decaying average on, REST has other names than the database (canvas-facts 7.2)."""

DEPENDENT = {
    "account_id": "account_uuid",
    "calculation_method": "calculation_int",
    "context_id": "context_uuid",
    "learning_outcome_id": "learning_outcome_context_uuid",
    "result_context_id": "result_context_uuid",
}
"""What the second said was of the first: it is not taken over where the first has changed."""

_TOLD_PARTS = frozenset({"points_possible", "mastery_points", "ratings"})
"""Of an outcome's criterion, what REST tells."""

_ASSET = ("associated_asset_type", "associated_asset_id")
"""What a result is of: where an event has told it, that holds."""

_ANCHOR = {member: anchor for anchor, member in DEPENDENT.items()} | {"short_description": "title"}
"""Member -> the one that it follows."""

BACKFILLED = "_backfilled"
"""What the names of snapshots' events end with."""

UNKNOWN_USER = "id:"
"""What `user_uuid` begins with where only the user's id is known."""


class Left(StrEnum):
    """Why nothing is to be written."""

    UNCHANGED = "unchanged"
    NEWER_HERE = "newer_here"
    UNKNOWN_LINK = "unknown_links"
    WITHOUT_ID = "without_id"


@dataclass(frozen=True, slots=True)
class Known:
    """The newest version of an object."""

    body: Body = field(repr=False)
    """Whole, under the names of the event, local ids; without nulls."""
    event_time: datetime
    event_name: str
    submitted_at: datetime | None = None
    """Of a result: when the work was submitted, by its rubric assessment; rollups prefer it."""
    feed: "Known | None" = None
    """Of a snapshot: the newest version that the feed has told. It is the older one, but may have been read after the snapshot
    was asked for; and what REST cannot tell stands in it alone."""
    earlier: Sequence[Body] = field(default=(), repr=False)
    """The feed's versions before that one."""

    @property
    def active(self) -> bool:
        """Whether its state is that of things that REST tells."""
        return bool(self.body.get("workflow_state") == "active")

    @property
    def snapshot(self) -> bool:
        """Whether REST told it, and not the feed."""
        return self.event_name.endswith(BACKFILLED)


class Difference(NamedTuple):
    """One member."""

    member: str
    ours: Any
    canvas: Any


@dataclass(frozen=True, slots=True)
class Change:
    """A version to be written."""

    table: str
    id: int
    body: Body = field(repr=False)
    differences: tuple[Difference, ...] = field(repr=False)
    """Empty where nothing was known."""
    known: bool

    @property
    def event_name(self) -> str:
        """The snapshot's."""
        return f"{self.table}{BACKFILLED}"


def row_id(table: str, id_: int) -> int:
    """Under which id the rows of a table hold what Canvas calls `id_`."""
    return local_id(id_) if TABLES[table].global_ids else id_


def known_of(table: str, row: Mapping[str, Any]) -> Known:
    """From a row of the current table; of results with `submitted_at`, and with what `unknown_value` keeps, as `members`."""
    shape = TABLES[table]
    named = zip(shape.members[1:] if shape.global_ids else shape.members, shape.fields, strict=True)
    body = {field: orjson.loads(row[column]) if field in shape.json and row[column] else row[column] for column, field in named}
    body[shape.id_member] = (row["global_id"] or row["id"]) if shape.global_ids else row["id"]
    unknown = row.get("members") or row["extra"]
    extra = orjson.loads(unknown) if unknown else {}
    body = {name: value for name, value in (extra | body).items() if value is not None}
    return Known(body, row["event_time"], row["event_name"], row.get("submitted_at"))


def compare(told: Told, known: Known | None, requested_at: datetime, user_uuids: Mapping[str, str] = {}) -> Change | Left:
    """Any object but links and scales. `user_uuids`: of local user ids, those that are known."""
    if told.id is None:
        return Left.WITHOUT_ID
    if known is not None and known.event_time > requested_at:
        return Left.NEWER_HERE
    members = dict(told.members)
    if told.user is not None:
        members["user_uuid"] = _user(told.user, known, user_uuids)
    if known is not None and "associated_asset_type" in (known.feed or known).body:
        # An event told it; and the asset of a result stays what it is.
        for name in _ASSET:
            members.pop(name, None)
    return _change(told.table, told.id, members, known)


def link(told: Told, candidates: Iterable[Known], requested_at: datetime) -> tuple[Change | Left, int | None]:
    """REST gives no id: `candidates` are all known links of this outcome in this context. Also the id that was found.

    Of several active ones in the group the youngest is meant. A deleted one is none: Canvas links anew under a new id; but a
    deletion that only REST has told, by not showing the link, is taken back.
    """
    place = ("learning_outcome_group_id", "learning_outcome_id", "context_type", "context_id")
    alike = [one for one in candidates if all(one.body.get(name) == told.members[name] for name in place)]
    meant = [one for one in alike if one.active] or [one for one in alike if one.snapshot]
    if not meant:
        newer = any(one.event_time > requested_at for one in alike)
        return (Left.NEWER_HERE if newer else Left.UNKNOWN_LINK), None
    known = max(meant, key=lambda one: one.body["learning_outcome_link_id"])
    id_: int = known.body["learning_outcome_link_id"]
    if known.event_time > requested_at:
        return Left.NEWER_HERE, id_
    return _change(told.table, id_, told.members, known), id_


def moves(
    unknown: Iterable[Told], candidates: Iterable[Known], shown: Container[int], requested_at: datetime
) -> list[tuple[Change, Known]]:
    """Links in places that no event has told, and known links of the same outcomes that were not shown: those were moved.

    Canvas moves a link by writing another group into it (`learning_outcome_group.rb`, `adopt_outcome_link`); one that was
    deleted, and another one made, ends in the same place. The list must be whole; youngest links first. With each what it was.
    """
    left: dict[int, list[Known]] = {}
    for one in sorted(candidates, key=lambda one: one.body["learning_outcome_link_id"]):
        if one.active and one.event_time <= requested_at and one.body["learning_outcome_link_id"] not in shown:
            left.setdefault(one.body["learning_outcome_id"], []).append(one)
    found = []
    for told in unknown:
        if known := left.get(told.members["learning_outcome_id"]):
            link = known.pop()
            change = _change(told.table, link.body["learning_outcome_link_id"], told.members, link)
            assert isinstance(change, Change)  # one that was in this place would be known there
            found.append((change, link))
    return found


def mastery_scale(
    context: Context,
    ratings: Sequence[rest.ProficiencyRating] | None,
    known: Known | None,
    requested_at: datetime,
    *,
    inherited: bool,
    feeds_id: int | None,
) -> Change | Left:
    """The scale that a context answers with. REST gives neither its owner nor its id.

    `inherited`: the context above answers the same (or cannot be asked); then it is nobody's news, unless this context is known
    to own an active scale that differs: its own scale is then taken to have become this one. `ratings` None: there is none,
    also not above, so a known one was deleted. `known`: the newest version of the context's scale, `feeds_id` the id under
    which the feed has told it, if it has: else it has a negative one of our own.
    """
    if known is not None and known.event_time > requested_at:
        return Left.NEWER_HERE
    active = known is not None and known.active
    if ratings is None:
        return deleted("outcome_proficiency", known) if known is not None and active else Left.UNCHANGED
    if inherited and not active:
        return Left.UNCHANGED
    id_ = feeds_id or -2 * context.context_id - (context.context_type == "Course")
    return _change("outcome_proficiency", id_, scale(context, ratings).members, known)


def deleted(table: str, known: Known) -> Change:
    """What is known, in the state `deleted`."""
    id_member = TABLES[table].id_member
    body = known.body | {"workflow_state": "deleted"}
    if table == "outcome_proficiency":  # Canvas deletes the levels with the scale
        levels = body.get("outcome_proficiency_ratings") or ()
        body["outcome_proficiency_ratings"] = [level | {"workflow_state": "deleted"} for level in levels]
    difference = Difference("workflow_state", known.body.get("workflow_state"), "deleted")
    return Change(table, row_id(table, known.body[id_member]), body, (difference,), True)


def alike(some: Sequence[rest.ProficiencyRating] | None, others: Sequence[rest.ProficiencyRating] | None) -> bool:
    """Whether two contexts answer the same scale."""
    if some is None or others is None:
        return some is others
    return _same_levels([one.model_dump() for one in some], [one.model_dump() for one in others])


def uuid_of(known: Known | None) -> str | None:
    """Of a result: the student's uuid, where the feed has told it."""
    for one in (known, known.feed) if known is not None else ():
        uuid = one.body.get("user_uuid") if one is not None else None
        if uuid is not None and not uuid.startswith(UNKNOWN_USER):
            return str(uuid)
    return None


def user_uuid(user: str, user_uuids: Mapping[str, str]) -> str:
    """What results call a user whom REST names by id, or by `uuid:` and the uuid."""
    return user.removeprefix("uuid:") if user.startswith("uuid:") else user_uuids.get(user, f"{UNKNOWN_USER}{user}")


def _user(user: str, known: Known | None, user_uuids: Mapping[str, str]) -> str:
    """A uuid that the feed told stays: what user ids it belongs to is learnt from it."""
    return uuid_of(known) or user_uuid(user, user_uuids)


def _change(table: str, id_: int, members: Mapping[str, Any], known: Known | None) -> Change | Left:
    ours = known.body if known is not None else {}
    held = known and _caught_up(table, members, known)
    body = dict(held.body) if held is not None else {}
    differing = [name for name in members if held is None or not _same(table, name, members[name], held)]
    late = [name for name in sorted(body.keys() | ours.keys()) if name not in differing and body.get(name) != ours.get(name)]
    if known is not None and not differing and not late:
        return Left.UNCHANGED
    for name in differing:
        if DEPENDENT.get(name) not in (None, *members):
            body.pop(DEPENDENT[name], None)
        merge = _MERGES.get(name)
        body[name] = merge(body.get(name), members[name]) if merge else members[name]
    if "title" in differing and "short_description" in members:
        body["short_description"] = members["short_description"]
    id_member = TABLES[table].id_member
    if row_id(table, body.get(id_member, 0)) != row_id(table, id_):
        body[id_member] = id_  # else it stays as it is: of accounts and courses the events tell the global one
    body = {name: value for name, value in body.items() if value is not None}
    shown = tuple(Difference(name, ours.get(name), body.get(name)) for name in (*differing, *late)) if known is not None else ()
    return Change(table, row_id(table, id_), body, shown, known is not None)


def _caught_up(table: str, members: Mapping[str, Any], known: Known) -> Known:
    """A snapshot with what the feed has told last: of what REST does not tell, and of the rest what means the same.

    A member that is not told now may have been told to the snapshot, and is then newer than the feed's: so it is where the
    snapshot cannot have taken it over from the feed.
    """
    if (feed := known.feed) is None:
        return known
    feeds_own = {TABLES[table].id_member, *_ASSET}

    @cache
    def from_feed(name: str) -> bool:
        if name in _ANCHOR and not from_feed(_ANCHOR[name]):
            return False
        if name in members:
            return _same(table, name, members[name], feed)
        taken_over = any(one.get(name) == known.body[name] for one in known.earlier) if name in known.body else True
        return taken_over or name in feeds_own

    body = {}
    for name in feed.body.keys() | known.body.keys():
        value = (feed if from_feed(name) else known).body.get(name)
        if name == "rubric_criterion" and not from_feed(name):
            value = _with_parts(feed.body.get(name), value)
        if value is not None:
            body[name] = value
    return replace(known, body=body, submitted_at=feed.submitted_at, feed=None)


def _same(table: str, name: str, told: Any, known: Known) -> bool:
    ours = known.body.get(name)
    match table, name:
        case "course", "workflow_state":
            return ours == told or {ours, told} <= UNPUBLISHED
        case "learning_outcome" | "learning_outcome_group", "workflow_state":
            return ours == told or ours in UNDELETED
        case "learning_outcome", "short_description":
            return True  # the same column as the title, and some streams leave it out
        case "learning_outcome", "calculation_method":
            return ours == told or (ours, told) in _SAME_METHOD
        case "learning_outcome", "rubric_criterion":
            return ours is not None and all(_same_part(member, ours.get(member), value) for member, value in told.items())
        case "learning_outcome_result", "assessed_at":
            return _plain(told) in (_plain(ours), _plain(known.submitted_at))
        case "outcome_proficiency", "outcome_proficiency_ratings":
            return _same_levels([level for level in ours or () if level.get("workflow_state") != "deleted"], told)
        case "account" | "course", _ if name in TABLES[table].global_ids:
            return (ours and local_id(ours)) == (told and local_id(told))
        case _:
            return bool(_plain(ours) == _plain(told))


def _plain(value: Any) -> Any:
    """Times without fractions of seconds, as REST has them."""
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def _same_part(member: str, ours: Any, told: Any) -> bool:
    """Of an outcome's criterion."""
    if member != "ratings":
        return bool(ours == told)
    return [_rating(one) for one in ours or ()] == [_rating(one) for one in told or ()]


def _rating(one: Mapping[str, Any]) -> tuple[Any, Any]:
    return one.get("description"), one.get("points")


def _same_levels(ours: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]) -> bool:
    """A colour comes in either case; one that is not told is no difference."""
    return len(ours) == len(told) and all(
        all(one.get(name) == other.get(name) for name in ("description", "points", "mastery"))
        and (other.get("color") is None or (one.get("color") or "").lower() == other["color"].lower())
        for one, other in zip(ours, told, strict=True)
    )


def _with_parts(feeds: Body | None, ours: Body | None) -> Body | None:
    """A criterion with those parts of the feed's that REST has no place for, of the whole and of each rating."""
    parts = {part: value for part, value in (feeds or {}).items() if part not in _TOLD_PARTS and value is not None}
    whole = parts | (ours or {})
    if whole.get("ratings"):
        before = {_rating(one): one for one in (feeds or {}).get("ratings") or ()}
        whole["ratings"] = [before.get(_rating(one), {}) | one for one in whole["ratings"]]
    return whole or None


def _criterion(ours: Any, told: Any) -> Body:
    """With the parts that REST has no place for: those of the criterion, and those of each rating that is there still."""
    parts = (ours or {}) | told
    if "ratings" in told:
        before = {_rating(one): one for one in (ours or {}).get("ratings") or ()}
        parts["ratings"] = told["ratings"] and [before.get(_rating(one), {}) | one for one in told["ratings"]]
    return {name: value for name, value in parts.items() if value is not None}


def _levels(ours: Any, told: Any) -> list[Body]:
    """Canvas keeps the ids of levels by their place, whatever they are called now."""
    before = [*(ours or ()), *({} for _ in told)]
    new = [{name: value for name, value in level.items() if value is not None} for level in told]
    return [old | level | {"workflow_state": "active"} for old, level in zip(before, new, strict=False)]


_MERGES: Mapping[str, Callable[[Any, Any], Any]] = {"rubric_criterion": _criterion, "outcome_proficiency_ratings": _levels}
