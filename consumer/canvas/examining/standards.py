"""Grading standards, which have no events."""

from decimal import Decimal

from pydantic import ValidationError

from consumer.canvas.compare import Difference, Kind, SkipReason
from consumer.canvas.examining.examined import Examined, Finding
from consumer.canvas.observations import Standards
from consumer.canvas.projection import Projection
from schemas import rest
from schemas.grading_standards import Standard


async def examine(observation: Standards, projection: Projection) -> Examined:
    """Each standard against the version that held at the time of the request."""
    examined, standards, new = Examined("grading_standard"), dict[int, Standard](), list[Standard]()
    for remote in observation.standards:
        examined.counts.seen += 1
        try:
            standards[remote.id] = _standard(remote)
        except ValidationError as error:
            examined.counts.refused += 1
            examined.refused.append(f"grading standard {remote.id}: {error.errors(include_url=False)[0]['msg']}")
    at = observation.requested_at
    for one in await projection.compare_standards(list(standards.values()), at) if standards else ():
        if one.newer or not one.differs:
            examined.counts.skip(SkipReason.NEWER_HERE if one.newer else SkipReason.UNCHANGED)
            continue
        examined.counts.written += 1
        new.append(standards[one.id].model_copy(update={"workflow_state": one.canvas["workflow_state"]}))
        differences = (Difference(name, one.ours[name], one.canvas[name]) for name in one.canvas) if one.known else ()
        members = tuple(difference for difference in differences if difference.ours != difference.canvas)
        kind: Kind = "stale" if one.known else "missing"
        examined.findings.append(Finding(kind, "grading_standard", {"id": one.id}, members))
    if new:
        examined.save = lambda: projection.add_standards(new, at)
    return examined


def _standard(remote: rest.GradingStandard) -> Standard:
    """Valid by the rules for imported ones. Doubles become the decimals that Canvas printed."""
    shown = remote.model_dump(exclude_none=True)
    shown["grading_scheme"] = [{"name": one.name, "value": Decimal(str(one.value))} for one in remote.grading_scheme]
    if remote.scaling_factor is not None:
        shown["scaling_factor"] = Decimal(str(remote.scaling_factor))
    return Standard.model_validate(shown)
