"""Mastery scales."""

from consumer.canvas import compare
from consumer.canvas.examining.examined import Examined
from consumer.canvas.observations import Scale
from consumer.canvas.projection import Projection


async def examine(observation: Scale, projection: Projection) -> Examined | None:
    """None for an inherited scale of a context that never owned one."""
    known, canvas_id = await projection.known_scale(observation.context)
    examined = Examined("outcome_proficiency")
    examined.counts.seen += observation.ratings is not None and not observation.inherited
    examined.add(compare.mastery_scale(observation, known, canvas_id))
    return examined if examined.changes or known is not None or not observation.inherited else None
