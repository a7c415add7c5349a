"""Links between groups and outcomes. REST shows them without ids, so we find them by their position."""

from collections.abc import Mapping
from typing import Any

from consumer.canvas import compare
from consumer.canvas.compare import Change, Known, SkipReason
from consumer.canvas.examining.examined import Examined, Finding, StepMemory
from consumer.canvas.mapping import RemoteObject
from consumer.canvas.observations import ListEnd, Objects
from consumer.canvas.projection import Projection


async def examine(observation: Objects, projection: Projection, memory: StepMemory) -> Examined:
    """A page. Links at unknown positions wait for the end of the list: Canvas may have moved known ones there."""
    assert observation.context is not None
    examined = Examined(observation.table)
    outcomes = {remote.members["learning_outcome_id"] for remote in observation.objects}
    known = await projection.known_links(observation.context, outcomes)
    for remote in observation.objects:
        examined.counts.seen += 1
        if (found := _find(remote, known, observation, memory)) is not SkipReason.UNKNOWN_LINK:
            examined.add(found)
    return examined


async def moves(observation: ListEnd, projection: Projection, memory: StepMemory) -> list[Change]:
    """Known links that Canvas has moved to unknown positions. An event may have shown a position meanwhile."""
    known = await projection.known_links(observation.context, {outcome_id for _, outcome_id in memory.unknown_links})
    for remote in list(memory.unknown_links.values()):
        _find(remote, known, observation, memory)
    return compare.moves(memory.unknown_links.values(), known, memory.links_shown, observation.requested_at)


async def examine_end(observation: ListEnd, projection: Projection, memory: StepMemory) -> Examined:
    """Moved links; any other link at an unknown position has an unknown id."""
    examined = Examined(observation.table)
    examined.changes = await moves(observation, projection, memory) if memory.unknown_links else []
    for change in examined.changes:
        memory.links_shown.add(change.id)
        del memory.unknown_links[_position(change.body)]
    for remote in memory.unknown_links.values():
        examined.counts.skip(SkipReason.UNKNOWN_LINK)
        examined.findings.append(Finding("missing", observation.table, dict(remote.members)))
    return examined


def _find(remote: RemoteObject, known: list[Known], observation: Objects | ListEnd, memory: StepMemory) -> Change | SkipReason:
    """Compares a link, and remembers whether its position is known."""
    found, id_ = compare.link(remote, known, observation.requested_at)
    memory.unknown_links.pop(_position(remote.members), None)
    if found is SkipReason.UNKNOWN_LINK:
        memory.unknown_links[_position(remote.members)] = remote
    if id_ is not None:
        memory.links_shown.add(id_)
    return found


def _position(link: Mapping[str, Any]) -> tuple[int, int]:
    """Group and outcome."""
    return link["learning_outcome_group_id"], link["learning_outcome_id"]
