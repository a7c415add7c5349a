"""What only the lists of people tell: past uuids, and that a roster is whole."""

from consumer.canvas.examining.examined import Examined, Finding, StepMemory
from consumer.canvas.observations import PastUuids, WholeRoster
from consumer.canvas.projection import Projection


async def examine_past_uuids(observation: PastUuids, projection: Projection) -> Examined:
    """Those that are not known yet. Canvas never takes one back."""
    examined, course_id, at = Examined("user_past_uuid"), observation.course_id, observation.requested_at
    new = await projection.new_past_uuids(course_id, observation.uuids)
    examined.counts.seen += len(observation.uuids)
    examined.counts.written += len(new)
    examined.counts.unchanged += len(observation.uuids) - len(new)
    examined.findings = [
        Finding("missing", "user_past_uuid", {"course_id": course_id, "user_id": user_id, "user_uuid": uuid})
        for user_id, uuid in new
    ]
    if new:
        examined.save = lambda: projection.add_past_uuids(course_id, new, at)
    return examined


def examine_whole(observation: WholeRoster, projection: Projection, memory: StepMemory) -> Examined:
    """The roster counts as read, unless a part of it could not be written."""
    examined, course_id, at = Examined("roster_reading"), observation.course_id, observation.requested_at
    examined.counts.seen += 1
    if memory.refused:
        examined.counts.refused += 1
        examined.refused.append(f"course {course_id}: {memory.refused} rows were refused, so its roster counts as not read")
    else:
        examined.counts.written += 1
        examined.save = lambda: projection.add_roster_reading(course_id, at)
    return examined
