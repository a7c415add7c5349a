"""Alignments, which have no events: REST shows them, or results imply them."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from consumer.canvas.compare import Difference, SkipReason
from consumer.canvas.examining.examined import Examined, Finding, StepMemory
from consumer.canvas.observations import Alignments
from consumer.canvas.projection import AlignmentKey, AlignmentState, KnownAlignment, Projection
from schemas import rest

_UNKNOWN = KnownAlignment(None, None)


async def examine(observation: Alignments, projection: Projection, memory: StepMemory) -> Examined:
    """Adds states that differ from the known ones."""
    examined, at, new = Examined("outcome_alignment"), observation.requested_at, list[AlignmentState]()
    if memory.alignments is None:
        memory.alignments = await projection.alignments(observation.course_id)
    memory.removed_alignments.update(observation.gone)
    for shown in _states(observation.shown, at):
        examined.counts.seen += 1
        reason = skip_shown(shown, memory.alignments.get(shown.key, _UNKNOWN))
        if reason is None:
            new.append(shown)
        else:
            examined.counts.skip(reason)
    for pairs, inferred in ((observation.proven, proven), (observation.gone, removed)):
        for outcome_id, assignment_id in pairs:
            key = (outcome_id, "Assignment", assignment_id)
            if (state := inferred(key, memory.alignments.get(key, _UNKNOWN), at)) is not None:
                new.append(state)
    before = [memory.alignments.get(state.key, _UNKNOWN) for state in new]
    for state, known in zip(new, before, strict=True):
        examined.findings.append(_finding(observation.course_id, state, known.state))
        memory.alignments[state.key] = known._replace(state=state)
    if new:  # another backfill may have added a state since `before` was read
        compared_with = [known.state and known.state.event_time for known in before]
        examined.save = lambda: projection.add_alignments(observation.course_id, new, compared_with)
    examined.counts.written += len(new)
    return examined


def skip_shown(shown: AlignmentState, known: KnownAlignment) -> SkipReason | None:
    """None if the state is to be added."""
    if known.state is None:
        return None
    if known.state.event_time >= shown.event_time:
        return SkipReason.NEWER_HERE
    return SkipReason.UNCHANGED if known.state[:-1] == shown[:-1] else None


def proven(_: AlignmentKey, known: KnownAlignment, requested_at: datetime) -> AlignmentState | None:
    """The state `active`, if we know the alignment as deleted: Canvas shows results of it."""
    state = known.state
    if state is None or state.workflow_state != "deleted" or state.event_time >= requested_at:
        return None
    return state._replace(workflow_state="active", event_time=requested_at)


def removed(key: AlignmentKey, known: KnownAlignment, requested_at: datetime) -> AlignmentState | None:
    """The state `deleted`, if the alignment was active, or has results that are newer than its deletion.

    An event that is newer than the request proves that the alignment existed then.
    """
    state, times = known.state, [known.state and known.state.event_time, known.newest_result]
    newest = max((time for time in times if time is not None), default=None)
    if newest is None or newest >= requested_at:
        return None
    if state is None:
        return AlignmentState(*key, "deleted", None, None, None, requested_at)
    if state.workflow_state == "deleted" and newest == state.event_time:
        return None
    return state._replace(workflow_state="deleted", event_time=requested_at)


def _states(shown: Iterable[rest.OutcomeAlignment], at: datetime) -> Iterator[AlignmentState]:
    seen = set()
    for one in shown:
        for asset_type, asset_id in (("Assignment", one.assignment_id), ("LiveAssessments::Assessment", one.assessment_id)):
            key = (one.learning_outcome_id, asset_type, asset_id)
            if asset_id is not None and key not in seen:
                seen.add(key)
                outcome_id, details = one.learning_outcome_id, (one.title, one.submission_types, one.url)
                yield AlignmentState(outcome_id, asset_type, asset_id, "active", *details, at)


def _finding(course_id: int, state: AlignmentState, before: AlignmentState | None) -> Finding:
    key = {"course_id": course_id, **dict(zip(("learning_outcome_id", "asset_type", "asset_id"), state.key, strict=True))}
    names = ("workflow_state", "title", "submission_types", "url")
    differences = (Difference(name, before and getattr(before, name), getattr(state, name)) for name in names)
    return Finding("alignment", "outcome_alignment", key, tuple(one for one in differences if one.ours != one.canvas))
