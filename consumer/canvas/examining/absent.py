"""Active objects here that Canvas does not have, and what the end of a list says about them."""

from typing import Any

from consumer.canvas import compare
from consumer.canvas.compare import Known
from consumer.canvas.examining import links
from consumer.canvas.examining.examined import Examined, StepMemory
from consumer.canvas.observations import ListEnd, NotInCanvas
from consumer.canvas.projection import Projection

ROSTER = frozenset({"course_section", "enrollment"})
"""Tables whose complete lists say who is in a course: what they do not show is gone, also for a backfill."""


async def needs_relisting(observation: ListEnd, projection: Projection, memory: StepMemory, *, thorough: bool) -> bool:
    """Whether to read a list once more before an object that it did not show counts as absent."""
    if observation.read_completely:
        return False
    unknown = observation.table == "learning_outcome_link" and bool(memory.unknown_links)
    moved = unknown and bool(await links.moves(observation, projection, memory))
    return moved or (thorough and bool(await _not_shown(observation, projection, memory)))


async def examine_end(observation: ListEnd, projection: Projection, memory: StepMemory, *, thorough: bool) -> Examined:
    """Deletes objects that a list did not show, if `thorough` or of a roster."""
    thorough = thorough or observation.table in ROSTER
    examined = Examined(observation.table)
    if observation.table == "learning_outcome_link":
        examined = await links.examine_end(observation, projection, memory)
    absent = await _not_shown(observation, projection, memory) if thorough and observation.read_completely else []
    if observation.table == "learning_outcome_result":
        there = await projection.uuids(observation.students)
        comparable = [one for one in absent if one.body.get("user_uuid") in there]
        examined.counts.students_gone += len(absent) - len(comparable)
        absent = comparable
    examined.changes += [compare.deleted(observation.table, one, observation.requested_at) for one in absent]
    return examined


async def examine(observation: NotInCanvas, projection: Projection) -> Examined:
    """Deletes one object, unless an event is newer."""
    known = (await projection.known(observation.table, [observation.id])).get(observation.id)
    examined = Examined(observation.table)
    if known is not None and known.active and known.event_time <= observation.requested_at:
        examined.changes = [compare.deleted(observation.table, known, observation.requested_at)]
    return examined


async def _not_shown(observation: ListEnd, projection: Projection, memory: StepMemory) -> list[Known]:
    shown, more = observation.shown, list[Any]()
    if observation.table == "learning_outcome_link":
        shown = memory.links_shown
    if observation.table == "learning_outcome_result":
        outcomes, assignments = zip(*sorted(memory.removed_alignments), strict=True) if memory.removed_alignments else ((), ())
        more = [list(observation.linked), list(outcomes), list(assignments)]
    return await projection.not_shown(observation.table, observation.context, observation.requested_at, shown, *more)
