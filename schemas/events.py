"""What is understood: event name -> model of its body."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from schemas import learning_outcome, learning_outcome_result, outcome_proficiency, people, tenancy
from schemas.base import Body

HEARTBEAT = "heartbeat"


def _models() -> Iterator[type[Body]]:
    """Every model with a kind in these files."""
    for module in (learning_outcome, learning_outcome_result, outcome_proficiency, people, tenancy):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Body) and value.kind is not None:
                yield value


MODELS: Mapping[str, type[Body]] = MappingProxyType(
    {str(model.kind): model for model in sorted(_models(), key=lambda model: str(model.kind))}
)
"""Kind, the name of the table -> model, sorted: the order in which every transaction writes them."""


def _events(kind: str, model: type[Body]) -> tuple[str, ...]:
    return (f"{kind}_created", f"{kind}_updated") if model.events is None else model.events


EVENTS: Mapping[str, type[Body]] = MappingProxyType(
    {event: model for kind, model in MODELS.items() for event in _events(kind, model)}
)
"""Every event that becomes a row. `heartbeat` is known (`Heartbeat`) and counted, but is no row."""

BODIES: Mapping[str, type[Body]] = MappingProxyType({**EVENTS, HEARTBEAT: tenancy.Heartbeat})
"""`EVENTS` and the heartbeat: all that has a published JSON Schema."""
