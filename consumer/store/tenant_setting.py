"""Settings of an institution that no event contains."""

from consumer.store.postgres import Connection
from consumer.store.sql import sql


async def decide(connection: Connection, root_account_uuid: str, name: str, value: str) -> None:
    """Sets a setting of a tenant."""
    await connection.execute(sql("tenant_setting_set"), root_account_uuid, name, value)
