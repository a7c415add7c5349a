"""Objects of all tables but links, and the users of results."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping

from consumer.canvas import compare
from consumer.canvas.compare import TICK, Change, Known
from consumer.canvas.examining.examined import Examined
from consumer.canvas.mapping import RemoteObject
from consumer.canvas.observations import Objects
from consumer.canvas.projection import Projection

NAMED_AT_ONCE = 500


async def examine(observation: Objects, projection: Projection) -> Examined:
    """Each object against its newest version."""
    examined, table = Examined(observation.table), observation.table
    known = await projection.known(table, [one.id for one in observation.objects if one.id is not None])
    users = await _learnt_users(observation.objects, known, projection)
    for remote in observation.objects:
        ours = known.get(compare.row_id(table, remote.id)) if remote.id is not None else None
        if ours is None and remote.members.get("workflow_state") == "deleted":
            continue  # a deleted course that no event showed
        examined.counts.seen += 1
        examined.add(compare.compare(remote, ours, observation.requested_at, users))
        has_user_id = remote.user is not None and remote.id is not None and not remote.user.startswith("uuid:")
        examined.counts.users_unknown += has_user_id and remote.user not in users
    return examined


async def _learnt_users(objects: Iterable[RemoteObject], known: Mapping[int, Known], projection: Projection) -> dict[str, str]:
    """User id -> uuid. Learns the uuids of ids whose results the feed knows.

    The first uuid stays. An id with several uuids, or a uuid with several ids, teaches nothing: Canvas has merged users, and
    older events have another uuid.
    """
    ids, seen = set[str](), dict[str, set[str]]()
    for remote in objects:
        if remote.user is None or remote.user.startswith("uuid:"):
            continue
        ids.add(remote.user)
        uuid = compare.uuid_of(known.get(remote.id)) if remote.id is not None else None
        if uuid is not None:
            seen.setdefault(remote.user, set()).add(uuid)
    users = await projection.users(ids)
    owners = Counter(uuid for uuids in seen.values() for uuid in uuids)
    new = {id_: min(uuids) for id_, uuids in seen.items() if id_ not in users and len(uuids) == 1}
    if new:
        others = await projection.user_ids(new.values())
        new = {id_: uuid for id_, uuid in new.items() if owners[uuid] == 1 and uuid not in others}
    await projection.learn_users(new)
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
