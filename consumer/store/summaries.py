"""Bringing the kept summaries of courses up to date."""

from typing import NamedTuple

from consumer.store.postgres import Connection, translating
from consumer.store.sql import sql


class Refreshed(NamedTuple):
    """What one step has done."""

    computed: int
    """Courses."""
    waiting: int
    """Courses that are still to be computed."""


async def due(connection: Connection) -> list[str]:
    """Tenants whose summaries are not up to date."""
    with translating():
        return [row["name"] for row in await connection.fetch(sql("summaries_due"))]


async def refresh(connection: Connection, tenant: str, courses: int) -> Refreshed | None:
    """Takes in all marks of a tenant and computes at most so many courses. None where somebody else is at it.

    Everything that it reads is of one moment: with another isolation, a mark could go of which nothing was computed. Raises
    `Transient` where another session was faster.
    """
    with translating():
        async with connection.transaction(isolation="repeatable_read"):
            row = await connection.fetchrow(sql("refresh_summaries"), tenant, courses)
    return None if row is None else Refreshed(*row)
