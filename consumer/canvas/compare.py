"""Compares REST with what we know: which version to write, if any, and which members differ. Pure.

A version is written only if REST differs from the newest version, and that version is not newer than the request. Members that
REST does not show are kept. Null equals absent; numbers compare as numbers, times without fractions of seconds.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Literal, NamedTuple

import orjson

from consumer.canvas.mapping import RemoteObject, scale
from consumer.canvas.observations import Scale
from consumer.ingest.tables import TABLES
from schemas import rest

Body = dict[str, Any]
Kind = Literal["missing", "stale", "extra", "alignment", "scale", "rollup"]

UNPUBLISHED = frozenset({"unpublished", "created", "claimed"})
"""One state of a course: REST's word for it, and the events'."""

UNDELETED = frozenset({"archived", "retired"})
"""Canvas' lists show outcomes and groups in these states as active (`learning_outcome_context.rb`)."""

_SAME_METHOD = frozenset({("decaying_average", "weighted_average"), ("standard_decaying_average", "decaying_average")})
"""(stored, REST): REST renames methods while Canvas' feature "new decaying average" is on."""

DEPENDENT = {
    "account_id": "account_uuid",
    "calculation_method": "calculation_int",
    "context_id": "context_uuid",
    "course_id": "course_uuid",
    "learning_outcome_id": "learning_outcome_context_uuid",
    "result_context_id": "result_context_uuid",
    "user_id": "user_uuid",
}
"""Member -> dependent member. When the first changes, the second is dropped."""

_REMOTE_PARTS = frozenset({"points_possible", "mastery_points", "ratings"})
"""Parts of an outcome's criterion that REST shows."""

_ASSET = ("associated_asset_type", "associated_asset_id")
"""What a result measures. The feed's value holds."""

_FOLLOWS = {member: first for first, member in DEPENDENT.items()} | {"short_description": "title"}
"""Member -> the member that it follows."""

BACKFILLED = "_backfilled"
"""The last part of a snapshot's event name."""

UNKNOWN_USER = "id:"
"""`user_uuid` begins with this if we know only the user's id."""

TICK = timedelta(microseconds=1)
"""An inferred version is newer than the one it replaces by this much, so any event overrides it."""


class SkipReason(StrEnum):
    """Why no version is written."""

    UNCHANGED = "unchanged"
    NEWER_HERE = "newer_here"
    UNKNOWN_LINK = "unknown_links"
    WITHOUT_ID = "without_id"


@dataclass(frozen=True, slots=True)
class Known:
    """The newest version of an object."""

    body: Body = field(repr=False)
    """Whole, with the event's member names and local ids, without nulls."""
    event_time: datetime
    event_name: str
    submitted_at: datetime | None = None
    """For a result: when the work was submitted, by its rubric assessment; rollups prefer it."""
    feed: "Known | None" = None
    """For a snapshot: the feed's newest version. It is older, but the feed may have delivered it after the snapshot; and only
    it has the members that REST does not show."""
    earlier: Sequence[Body] = field(default=(), repr=False)
    """The feed's versions before that one."""
    row_id: int | None = None
    """The row's own id, where the body has a global one."""

    @property
    def active(self) -> bool:
        """Whether REST shows objects in this state."""
        return bool(self.body.get("workflow_state") == "active")

    @property
    def snapshot(self) -> bool:
        """Whether it comes from REST, not from the feed."""
        return self.event_name.endswith(BACKFILLED)


class Difference(NamedTuple):
    """One member."""

    member: str
    ours: Any
    canvas: Any


@dataclass(frozen=True, slots=True)
class Change:
    """A version to write."""

    kind: Kind
    table: str
    id: int
    body: Body = field(repr=False)
    differences: tuple[Difference, ...] = field(repr=False)
    """Empty if nothing was known."""
    at: datetime
    """The version's `event_time`."""

    @property
    def event_name(self) -> str:
        """The snapshot's."""
        return f"{self.table}{BACKFILLED}"

    @property
    def key(self) -> Mapping[str, Any]:
        """The object, as findings name it; a scale with its owner, because its id may be made up."""
        owner = ("context_type", "context_id") if self.table == "outcome_proficiency" else ()
        return {"id": self.id, **{name: self.body[name] for name in owner}}


def known_of(table: str, row: Mapping[str, Any]) -> Known:
    """From a row of the current table. Results also need `submitted_at`, and `members` from `unknown_value`."""
    shape = TABLES[table]
    named = zip(shape.members[1:] if shape.global_ids else shape.members, shape.fields, strict=True)
    body = {field: orjson.loads(row[column]) if field in shape.json and row[column] else row[column] for column, field in named}
    body[shape.id_member] = (row["global_id"] or row["id"]) if shape.global_ids else row["id"]
    unknown = row.get("members") or row["extra"]
    extra = orjson.loads(unknown) if unknown else {}
    body = {name: value for name, value in (extra | body).items() if value is not None}
    row_id = row["id"] if shape.global_ids else None
    return Known(body, row["event_time"], row["event_name"], row.get("submitted_at"), row_id=row_id)


def compare(
    remote: RemoteObject, known: Known | None, requested_at: datetime, user_uuids: Mapping[str, str] = {}
) -> Change | SkipReason:
    """Any object but links and scales. `user_uuids`: known uuids by local user id."""
    if remote.id is None:
        return SkipReason.WITHOUT_ID
    if known is not None and known.event_time > requested_at:
        return SkipReason.NEWER_HERE
    members = dict(remote.members)
    if remote.user is not None:  # the feed's uuid stays: user ids are learnt from it
        members["user_uuid"] = uuid_of(known) or user_uuid(remote.user, user_uuids)
    if known is not None and "associated_asset_type" in (known.feed or known).body:
        for name in _ASSET:
            members.pop(name, None)
    change = _change(remote.table, remote.id, members, known, requested_at)
    return _dated(change, known, remote.saved_at) if isinstance(change, Change) and remote.saved_at else change


def _dated(change: Change, known: Known | None, saved_at: datetime) -> Change:
    """An enrolment's change that the feed did not tell, when Canvas saved it: imports, cross-listing, merges set `updated_at`.

    (`app/models/enrollment/batch_state_updater.rb`.) A new uuid of the same user is not part of the enrolment.
    """
    untold = known is not None and known.event_time < saved_at < change.at
    members = {one.member for one in change.differences}
    same_person = "user_uuid" not in members or "user_id" in members
    return replace(change, at=saved_at) if untold and same_person else change


def link(remote: RemoteObject, candidates: Iterable[Known], requested_at: datetime) -> tuple[Change | SkipReason, int | None]:
    """Also the id that was found: REST shows none. `candidates` are all known links of this outcome in this context.

    Of several active links in the group, the youngest is meant. A deleted link is not: Canvas creates a new one under a new id.
    But a deletion that only REST showed, by omitting the link, is undone.
    """
    position = ("learning_outcome_group_id", "learning_outcome_id", "context_type", "context_id")
    alike = [one for one in candidates if all(one.body.get(name) == remote.members[name] for name in position)]
    meant = [one for one in alike if one.active] or [one for one in alike if one.snapshot]
    if not meant:
        newer = any(one.event_time > requested_at for one in alike)
        return (SkipReason.NEWER_HERE if newer else SkipReason.UNKNOWN_LINK), None
    known = max(meant, key=lambda one: one.body["learning_outcome_link_id"])
    id_: int = known.body["learning_outcome_link_id"]
    if known.event_time > requested_at:
        return SkipReason.NEWER_HERE, id_
    return _change(remote.table, id_, remote.members, known, requested_at), id_


def moves(
    unknown: Iterable[RemoteObject], candidates: Iterable[Known], shown: Container[int], requested_at: datetime
) -> list[Change]:
    """Pairs links at unknown positions with known links of the same outcome that a complete list did not show, youngest first.

    Canvas moves a link by changing its group (`learning_outcome_group.rb`, `adopt_outcome_link`). A deletion followed by a new
    link looks the same.
    """
    hidden: dict[int, list[Known]] = {}
    for one in sorted(candidates, key=lambda one: one.body["learning_outcome_link_id"]):
        if one.active and one.event_time <= requested_at and one.body["learning_outcome_link_id"] not in shown:
            hidden.setdefault(one.body["learning_outcome_id"], []).append(one)
    found = []
    for remote in unknown:
        if known := hidden.get(remote.members["learning_outcome_id"]):
            link = known.pop()
            id_ = link.body["learning_outcome_link_id"]
            change = _change(remote.table, id_, remote.members, link, link.event_time + TICK)
            assert isinstance(change, Change)  # its group differs
            found.append(change)
    return found


def mastery_scale(shown: Scale, known: Known | None, canvas_id: int | None) -> Change | SkipReason:
    """The scale in force in a context. REST shows neither its owner nor its id.

    An inherited scale is not written, unless this context owns a different active one: we assume that it became this one.
    Without any scale in force, a known one was deleted. `canvas_id`: Canvas' id of the context's scale, which only the feed
    tells.
    """
    context, at = shown.context, shown.requested_at
    if known is not None and known.event_time > at:
        return SkipReason.NEWER_HERE
    if shown.ratings is None and known is not None and known.active:
        return replace(deleted("outcome_proficiency", known, at), kind="scale")
    if shown.ratings is None or (shown.inherited and not (known is not None and known.active)):
        return SkipReason.UNCHANGED
    made_up_id = -2 * context.context_id - (context.context_type == "Course")  # negative, as none of Canvas' ids is
    change = _change("outcome_proficiency", canvas_id or made_up_id, scale(context, shown.ratings).members, known, at)
    return replace(change, kind="scale") if isinstance(change, Change) else change


def deleted(table: str, known: Known, at: datetime) -> Change:
    """The known version in the state `deleted`."""
    body = known.body | {"workflow_state": "deleted"}
    if table == "outcome_proficiency":  # Canvas deletes the levels with the scale
        levels = body.get("outcome_proficiency_ratings") or ()
        body["outcome_proficiency_ratings"] = [level | {"workflow_state": "deleted"} for level in levels]
    difference = Difference("workflow_state", known.body.get("workflow_state"), "deleted")
    return Change("extra", table, known.row_id or known.body[TABLES[table].id_member], body, (difference,), at)


def same_scale(some: Sequence[rest.ProficiencyRating] | None, others: Sequence[rest.ProficiencyRating] | None) -> bool:
    """Whether two contexts have the same scale."""
    if some is None or others is None:
        return some is others
    return _same_levels([one.model_dump() for one in some], [one.model_dump() for one in others])


def uuid_of(known: Known | None) -> str | None:
    """For a result: the student's uuid, if the feed has it."""
    for one in (known, known.feed) if known is not None else ():
        uuid = one.body.get("user_uuid") if one is not None else None
        if uuid is not None and not uuid.startswith(UNKNOWN_USER):
            return str(uuid)
    return None


def user_uuid(user: str, user_uuids: Mapping[str, str]) -> str:
    """`user_uuid` for a user whom REST names by id, or by `uuid:` and the uuid."""
    return user.removeprefix("uuid:") if user.startswith("uuid:") else user_uuids.get(user, f"{UNKNOWN_USER}{user}")


def _change(table: str, id_: int, members: Mapping[str, Any], known: Known | None, at: datetime) -> Change | SkipReason:
    ours = known.body if known is not None else {}
    newest = known and _with_late_feed(table, members, known)
    body = dict(newest.body) if newest is not None else {}
    differing = [name for name in members if newest is None or not _same(table, name, members[name], newest)]
    late = [name for name in sorted(body.keys() | ours.keys()) if name not in differing and body.get(name) != ours.get(name)]
    if known is not None and not differing and not late:
        return SkipReason.UNCHANGED
    for name in differing:
        if DEPENDENT.get(name) not in (None, *members):
            body.pop(DEPENDENT[name], None)
        merge = _MERGES.get(name)
        body[name] = merge(body.get(name), members[name]) if merge else members[name]
    if "title" in differing and "short_description" in members:
        body["short_description"] = members["short_description"]
    id_member = TABLES[table].id_member
    if known is None or (known.row_id or body.get(id_member)) != id_:
        body[id_member] = id_  # else it stays: events have global ids of accounts and courses
    body = {name: value for name, value in body.items() if value is not None}
    shown = tuple(Difference(name, ours.get(name), body.get(name)) for name in (*differing, *late)) if known is not None else ()
    return Change("missing" if known is None else "stale", table, id_, body, shown, at)


def _with_late_feed(table: str, members: Mapping[str, Any], known: Known) -> Known:
    """A snapshot with the feed's members that REST does not show; where both are equal, as the feed wrote it.

    A member that REST showed is newer than the feed's and stays. One that the snapshot copied from an earlier version of the
    feed gives way to what the feed says by now.
    """
    if (feed := known.feed) is None:
        return known
    only_in_feed = {TABLES[table].id_member, *_ASSET}

    @cache
    def from_feed(name: str) -> bool:
        if name in _FOLLOWS and not from_feed(_FOLLOWS[name]):
            return False
        if name in members:
            return _same(table, name, members[name], feed)
        copied = any(one.get(name) == known.body[name] for one in known.earlier) if name in known.body else True
        return copied or name in only_in_feed

    body = {}
    for name in feed.body.keys() | known.body.keys():
        value = (feed if from_feed(name) else known).body.get(name)
        if name == "rubric_criterion" and not from_feed(name):
            value = _with_feed_parts(feed.body.get(name), value)
        if value is not None:
            body[name] = value
    return replace(known, body=body, submitted_at=feed.submitted_at, feed=None)


def _same(table: str, name: str, remote: Any, known: Known) -> bool:
    ours = known.body.get(name)
    match table, name:
        case "course", "workflow_state":
            return ours == remote or {ours, remote} <= UNPUBLISHED
        case "learning_outcome" | "learning_outcome_group", "workflow_state":
            return ours == remote or ours in UNDELETED
        case "canvas_user", "workflow_state":
            return ours is not None and (ours == "deleted") == (remote == "deleted")
        case "learning_outcome", "short_description":
            return True  # Canvas' column for the title, which some streams omit
        case "learning_outcome", "calculation_method":
            return ours == remote or (ours, remote) in _SAME_METHOD
        case "learning_outcome", "rubric_criterion":
            return ours is not None and all(_same_part(part, ours.get(part), value) for part, value in remote.items())
        case "learning_outcome_result", "assessed_at":
            return _whole_seconds(remote) in (_whole_seconds(ours), _whole_seconds(known.submitted_at))
        case "outcome_proficiency", "outcome_proficiency_ratings":
            return _same_levels([level for level in ours or () if level.get("workflow_state") != "deleted"], remote)
        case _:
            return bool(_whole_seconds(ours) == _whole_seconds(remote))


def _whole_seconds(value: Any) -> Any:
    """REST has times without fractions of seconds."""
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def _same_part(part: str, ours: Any, remote: Any) -> bool:
    """Of an outcome's criterion."""
    if part != "ratings":
        return bool(ours == remote)
    return [_rating(one) for one in ours or ()] == [_rating(one) for one in remote or ()]


def _rating(one: Mapping[str, Any]) -> tuple[Any, Any]:
    return one.get("description"), one.get("points")


def _same_levels(ours: Sequence[Mapping[str, Any]], remote: Sequence[Mapping[str, Any]]) -> bool:
    """The case of a color does not matter, nor one that REST does not show."""
    return len(ours) == len(remote) and all(
        all(one.get(name) == other.get(name) for name in ("description", "points", "mastery"))
        and (other.get("color") is None or (one.get("color") or "").lower() == other["color"].lower())
        for one, other in zip(ours, remote, strict=True)
    )


def _with_feed_parts(feeds: Body | None, ours: Body | None) -> Body | None:
    """A criterion with the feed's parts that REST does not show, in the criterion and in each rating."""
    parts = {part: value for part, value in (feeds or {}).items() if part not in _REMOTE_PARTS and value is not None}
    whole = parts | (ours or {})
    if whole.get("ratings"):
        whole["ratings"] = _merged_ratings(feeds, whole["ratings"])
    return whole or None


def _merged_criterion(ours: Body | None, remote: Body) -> Body:
    """Keeps the parts that REST does not show: those of the criterion, and those of each rating that still exists."""
    parts = (ours or {}) | remote
    if remote.get("ratings"):
        parts["ratings"] = _merged_ratings(ours, remote["ratings"])
    return {name: value for name, value in parts.items() if value is not None}


def _merged_ratings(ours: Body | None, ratings: Iterable[Body]) -> list[Body]:
    before = {_rating(one): one for one in (ours or {}).get("ratings") or ()}
    return [before.get(_rating(one), {}) | one for one in ratings]


def _merged_levels(ours: Any, remote: Any) -> list[Body]:
    """Canvas keeps the ids of levels by position, whatever their names become."""
    before = [*(ours or ()), *({} for _ in remote)]
    new = [{name: value for name, value in level.items() if value is not None} for level in remote]
    return [old | level | {"workflow_state": "active"} for old, level in zip(before, new, strict=False)]


_MERGES: Mapping[str, Callable[[Any, Any], Any]] = {
    "rubric_criterion": _merged_criterion,
    "outcome_proficiency_ratings": _merged_levels,
}
