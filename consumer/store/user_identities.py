"""Whose uuid is whose, learnt before a batch locks anything else."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from consumer.ingest.records import Accepted
from consumer.store.postgres import Connection
from consumer.store.sql import sql

_USER_AND_UUID = MappingProxyType({"canvas_user": (None, "uuid"), "enrollment": ("user_id", "user_uuid")})
"""Table -> members that hold the user, None: the object itself, and the uuid."""


async def learn_identities(connection: Connection, tables: Mapping[str, Sequence[Accepted]]) -> None:
    """Triggers of the tables would learn the same, one table after the other: two writers could then wait for each other."""
    told = [pair for name in _USER_AND_UUID for pair in _pairs(name, tables.get(name, ()))]
    if told:
        await connection.execute(sql("learn_identities"), *map(list, zip(*told, strict=True)))


def _pairs(table: str, versions: Sequence[Accepted]) -> Iterable[tuple[object, ...]]:
    user, uuid = _USER_AND_UUID[table]
    for one in versions:
        members = dict(zip(one.table.members, one.values, strict=True))
        user_id = one.key.id if user is None else members[user]
        if user_id is not None and members[uuid] is not None:
            yield one.key.root_account_uuid, members[uuid], user_id, one.key.event_time
