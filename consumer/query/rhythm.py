"""When a feed speaks as a rule, by hour of the week, and how fast it grows: from its own past in the projection.

A silent hour is missed if the feed spoke at this hour in at least three quarters of the `WEEKS` weeks before the silence, as
far as they are known, and at least `LEAST_WEEKS` are; unless it was silent a year ago too: at this hour in each of the weeks
51, 52 and 53 before that are known. So nights, weekends and yearly holidays are not missed. Hours are those of UTC.

Events of web requests count: there is an index of them by time, and background jobs have no rhythm.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from consumer.ingest.tables import TABLES
from consumer.query.sql import sql
from consumer.store.postgres import Connection

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
WEEKS = 8
LEAST_WEEKS = 3
MOST = 0.75
YEAR_AGO = (51, 52, 53)
LOOK_BACK = timedelta(weeks=1)
"""An older part of a silence is not looked at."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Since the newest event of a web request, of one tenant."""

    tenant: str
    since: datetime
    weeks: int
    """Weeks of the feed that are known, at most `WEEKS`."""
    missed: int
    """Whole hours of the silence in which it speaks as a rule."""


async def silences(connection: Connection, now: datetime) -> list[Silence]:
    """Of each tenant. Looks at a bounded number of hours in indexes, however large the tables are."""
    found = []
    for tenant, tables in sorted((await _tenants(connection)).items()):
        spans = [await connection.fetchrow(sql("rhythm_span").format(table=table), tenant) for table in tables]
        known = [(span["first"], span["newest"]) for span in spans if span and span["newest"]]
        if not known:
            continue
        first, newest = min(one for one, _ in known), max(one for _, one in known)
        silent = list(_hours(max(newest, now - LOOK_BACK), now))
        past = {past for hour in silent for past in (*_weeks_before(hour, first, newest), *_year_ago(hour, first, newest))}
        told = " OR ".join(sql("rhythm_told").format(table=table) for table in tables)
        rows = await connection.fetch(sql("rhythm_hours").format(told=told), tenant, sorted(past)) if past else []
        spoke = {row["hour"] for row in rows}
        missed = sum(is_expected(hour, first, newest, spoke) for hour in silent)
        found.append(Silence(tenant, newest, min(WEEKS, int((newest - first) / WEEK)), missed))
    return found


async def versions_of_a_week(connection: Connection, now: datetime) -> dict[str, int]:
    """How many versions events of the last week have told, by version table."""
    tenants = await _tenants(connection)
    names = sorted({table for tables in tenants.values() for table in tables})
    return {
        f"{table}_version": await connection.fetchval(sql("rhythm_week").format(table=table), list(tenants), now)
        for table in names
    }


def is_expected(hour: datetime, first: datetime, newest: datetime, spoke: Collection[datetime]) -> bool:
    """Whether the feed speaks in this hour as a rule. `first`, `newest`: its events; `spoke`: hours in which it did."""
    weeks, year_ago = _weeks_before(hour, first, newest), _year_ago(hour, first, newest)
    if len(weeks) < LEAST_WEEKS or sum(week in spoke for week in weeks) < MOST * len(weeks):
        return False
    return not year_ago or any(week in spoke for week in year_ago)


def _weeks_before(hour: datetime, first: datetime, newest: datetime) -> list[datetime]:
    """The same hour of the weeks before the silence."""
    last = max(1, ceil((hour - newest) / WEEK))
    return [past for number in range(last, last + WEEKS) if (past := hour - number * WEEK) >= first]


def _year_ago(hour: datetime, first: datetime, newest: datetime) -> list[datetime]:
    return [past for number in YEAR_AGO if first <= (past := hour - number * WEEK) <= newest]


def _hours(since: datetime, until: datetime) -> Iterable[datetime]:
    """The beginnings of the whole hours between."""
    hour = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + HOUR
    while hour + HOUR <= until:
        yield hour
        hour += HOUR


async def _tenants(connection: Connection) -> dict[str, list[str]]:
    """The tables in which a tenant has rows."""
    found: dict[str, list[str]] = {}
    for table in TABLES:
        for (tenant,) in await connection.fetch(sql("tenants").format(table=table)):
            found.setdefault(tenant, []).append(table)
    return found
