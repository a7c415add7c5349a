"""Ids as Canvas itself names objects: local ones of the root account's shard, global ones of others."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from consumer.ingest.tables import GLOBAL_ID, Table
from schemas.base import SHARD, Id, local_id

_AN_ID = TypeAdapter(Id)


def own_ids(table: Table, members: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    """With local ids where they are of the root account's shard, as Canvas names objects; those of other shards stay global.

    Where nothing tells that shard, it is the object's own. A snapshot of an object of another shard says that it is of none.
    """
    id_ = members[table.id_member]
    shard = metadata.get("shard", id_ // SHARD) if table.snapshot else _shard(metadata.get("root_account_id")) or id_ // SHARD
    own = {
        member: local_id(value) if member in table.global_ids and value // SHARD == shard else value
        for member, value in members.items()
    }
    own[GLOBAL_ID] = None if table.snapshot and id_ < SHARD else id_
    return own


def _shard(id_: object) -> int | None:
    """Of a global id; 0 of a local one."""
    try:
        return _AN_ID.validate_python(id_) // SHARD
    except ValidationError:
        return None
