"""Objects of all tables but links, and whose uuid is whose."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from consumer.canvas import compare
from consumer.canvas.compare import TICK, Change, Known
from consumer.canvas.examining.examined import USER_NAMES, Examined
from consumer.canvas.mapping import RemoteObject
from consumer.canvas.observations import Objects
from consumer.canvas.projection import Projection

NAMED_AT_ONCE = 500


async def examine(observation: Objects, projection: Projection) -> Examined:
    """Each object against its newest version."""
    examined, table = Examined(observation.table), observation.table
    known = await projection.known(table, [one.id for one in observation.objects if one.id is not None])
    users = await _learnt_users(observation.objects, known, projection)
    for remote in observation.objects if projection.names else map(_without_names, observation.objects):
        ours = known.get(remote.id) if remote.id is not None else None
        if ours is None and table == "course" and remote.members.get("workflow_state") == "deleted":
            continue  # no event showed it
        examined.counts.seen += 1
        at = observation.requested_at
        if ours is not None and _was_missed_elsewhere(remote, ours):
            at = max(at, ours.event_time + TICK)
        examined.add(compare.compare(remote, ours, at, users))
        has_user_id = remote.user is not None and remote.id is not None and not remote.user.startswith("uuid:")
        examined.counts.users_unknown += has_user_id and remote.user not in users
    return examined


def _was_missed_elsewhere(remote: RemoteObject, ours: Known) -> bool:
    """Whether it is deleted here because another course's list did not show it. Canvas has moved it to this course.

    That list may have been requested later than this one, and examined earlier.
    """
    return (
        remote.table in ("course_section", "enrollment")
        and ours.snapshot
        and ours.body.get("workflow_state") == "deleted" != remote.members["workflow_state"]
        and ours.body.get("course_id") != remote.members["course_id"]
    )


def _without_names(remote: RemoteObject) -> RemoteObject:
    if remote.table != "canvas_user":
        return remote
    return replace(remote, members={name: value for name, value in remote.members.items() if name not in USER_NAMES})


async def _learnt_users(objects: Iterable[RemoteObject], known: Mapping[int, Known], projection: Projection) -> dict[str, str]:
    """User id -> uuid. Learns the uuids of ids whose results the feed knows, as of when Canvas made these.

    The first uuid stays. An id with several uuids, or a uuid with several ids, teaches nothing: Canvas has merged users, and
    older events have another uuid.
    """
    ids, seen = set[str](), dict[str, dict[str, datetime | None]]()
    for remote in objects:
        if remote.user is None or remote.user.startswith("uuid:"):
            continue
        ids.add(remote.user)
        ours = known.get(remote.id) if remote.id is not None else None
        if ours is not None and (uuid := compare.uuid_of(ours)) is not None:
            sinces = seen.setdefault(remote.user, {})
            times = [time for time in (sinces.get(uuid), ours.body.get("created_at")) if time is not None]
            sinces[uuid] = min(times, default=None)
    users = await projection.users(ids)
    owners = Counter(uuid for uuids in seen.values() for uuid in uuids)
    new = {id_: min(uuids) for id_, uuids in seen.items() if id_ not in users and len(uuids) == 1}
    if new:
        others = await projection.user_ids(new.values())
        new = {id_: uuid for id_, uuid in new.items() if owners[uuid] == 1 and uuid not in others}
    await projection.learn_users(new, {id_: seen[id_][uuid] for id_, uuid in new.items()})
    return users | new


async def newly_named(projection: Projection) -> AsyncIterator[Examined]:
    """Results that only REST showed, and whose student has become known since. Nothing else in them changes."""
    table, above = "learning_outcome_result", 0
    while found := await projection.results_with_new_uuid(above, NAMED_AT_ONCE):
        changes = [
            Change("stale", table, one.body["id"], one.body | {"user_uuid": uuid}, (), one.event_time + TICK)
            for one, uuid in found
        ]
        yield Examined(table, changes=changes)
        above = changes[-1].id
