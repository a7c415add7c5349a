"""Names of people: written in the transaction of their batch, and taken out where they are not wanted."""

from collections.abc import Sequence

from consumer import log
from consumer.ingest.records import Accepted
from consumer.settings import People
from consumer.store.postgres import Connection
from consumer.store.sql import sql


async def write_names(connection: Connection, accepted: Sequence[Accepted]) -> None:
    """Brings in what a batch tells of names, whatever becomes of its versions: known ones may be told again just for them."""
    if told := [(one.key.root_account_uuid, one.key.id, one.names, one.table.snapshot) for one in accepted if one.names]:
        await connection.execute(sql("write_names"), *map(list, zip(*told, strict=True)))


async def remove_names(connection: Connection, people: People) -> None:
    """Takes out all that only `names` stores, unless it is the setting. The log tells of how many people."""
    if people != "names" and (people_removed := await connection.fetchval(sql("remove_names"))):
        log.get("store").info("names_removed", people=people_removed)
