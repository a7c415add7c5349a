"""What the projection tells about the feed: whether it lives, what was lost or not understood, and how fast it grows."""

from datetime import datetime

from consumer.doctor.checks import Check, attention, ok, unknown
from consumer.query.objects import QUARANTINE_LEFT_OUT
from consumer.query.rhythm import WEEKS, Silence, silences, versions_of_a_week
from consumer.query.status import Status, ago
from consumer.settings import Settings
from consumer.sources import kafka
from consumer.store.postgres import Connection

HEARTBEAT_SECONDS = 30 * 60
MOST_LAG = 10_000
MISSED_HOURS = 2
"""Fewer whole hours of silence are chance."""


def heartbeat(found: Status) -> Check:
    """Whether Canvas' heartbeat comes."""
    if found.heartbeat is None:
        return attention("heartbeat", "no heartbeat has ever come", "add the event heartbeat to the subscription in Canvas")
    said = f"the newest heartbeat is {ago(found.heartbeat)}"
    if found.heartbeat > HEARTBEAT_SECONDS:
        return attention(
            "heartbeat", said, "look at the subscription in Canvas (Data Services), at the intake and at the group's lag"
        )
    return ok("heartbeat", said)


async def silence(connection: Connection, known: Status) -> Check:
    """Whether each tenant's feed is silent at hours at which it is not as a rule."""
    now, found = known.now, await silences(connection, known.now)
    if not found and known.freshness is None:
        return attention("silence", "no event has come yet", "docs/how-to/canvas.md leads to the first row")
    if not found:
        return unknown(
            "silence", "no event tells a web request, by which the rhythm is known", "--skip silence leaves this out"
        )
    if silent := [one for one in found if one.missed >= MISSED_HOURS]:
        said = "; ".join(_silent(one, now) for one in silent)
        return attention("silence", said, "see whether the subscription in Canvas still has the events that this project reads")
    newest = max(one.since for one in found)
    young = "" if max(one.weeks for one in found) >= WEEKS else " (its rhythm is known from few weeks)"
    newest_ago = ago((now - newest).total_seconds())
    return ok("silence", f"the newest event of a web request is {newest_ago}, and by its past none is missed{young}")


def _silent(one: Silence, now: datetime) -> str:
    return (
        f"{one.tenant} told nothing since {one.since:%Y-%m-%d %H:%M} UTC ({ago((now - one.since).total_seconds())}), "
        f"during {one.missed} hours at which it speaks as a rule"
    )


def quarantine(found: Status) -> Check:
    """Whether records wait there."""
    if found.quarantine is None:
        return unknown("quarantine", QUARANTINE_LEFT_OUT, "run this with the worker's login")
    if waiting := sum(row["records"] for row in found.quarantine):
        reasons = ", ".join(f"{row['reason']} {row['records']:,}" for row in found.quarantine)
        return attention("quarantine", f"{waiting:,} records wait in quarantine: {reasons}", "`outcomes quarantine list`")
    return ok("quarantine", "quarantine is empty")


def gaps(found: Status) -> Check:
    """Whether stretches of a topic could not be read."""
    if found.gaps:
        newest = max(row["recorded_at"] for row in found.gaps)
        lost = sum(max(0, row["to_position"] - row["from_position"]) for row in found.gaps)
        return attention(
            "gaps",
            f"{len(found.gaps)} stretches of topics, {lost:,} records, could not be read, the last on {newest:%Y-%m-%d}",
            "`outcomes replay` captured files, or `outcomes backfill`",
        )
    return ok("gaps", "all records of the topics were read")


async def lag(settings: Settings, found: Status) -> Check:
    """Whether the workers keep up."""
    positions = {partition: at for partition, at in found.topic_positions.items() if partition.source in settings.topic}
    if not positions:
        return attention("lag", f"no worker has begun to read {', '.join(settings.topic)}", "read the log of `outcomes worker`")
    known = await kafka.lag(settings, positions)
    if silent := len(positions) - len(known):
        return unknown("lag", f"Kafka does not tell the ends of partitions: {silent}", "see `topic` above")
    behind = sum(known.values())
    if behind > MOST_LAG:
        return attention("lag", f"{behind:,} records are not written yet", "start more workers, up to one a partition")
    return ok("lag", f"{behind:,} records are not written yet")


def rosters(found: Status) -> Check:
    """Whether a SIS import may have changed rosters."""
    if due := sum(row["courses"] for row in found.canvas.rosters_due):
        said = f"a SIS import may have changed the rosters of {due:,} courses without events"
        return attention("rosters", said, "`outcomes backfill --rosters --due`")
    return ok("rosters", "no roster is due")


async def growth(connection: Connection, found: Status, bytes_now: int) -> Check:
    """How large the database is, and what a year would add at the pace of the last week."""
    week = await versions_of_a_week(connection, found.now)
    sizes = {row["table"]: row["bytes"] / row["estimate"] for row in found.tables if row["estimate"]}
    each = sum(count * sizes.get(table, 0) for table, count in week.items())
    size = f"the database has {bytes_now / 10**9:,.2f} GB, and at last week's pace {52 * each / 10**9:,.2f} GB more in a year"
    return ok("growth", f"{size}; its server's disk must have that")
