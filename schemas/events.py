"""The one table of what is understood: event name -> model of its body."""

from collections.abc import Mapping
from types import MappingProxyType

from schemas.base import Body
from schemas.learning_outcome import LearningOutcome, LearningOutcomeGroup, LearningOutcomeLink, OutcomeFriendlyDescription
from schemas.learning_outcome_result import LearningOutcomeResult, RubricAssessment
from schemas.outcome_proficiency import OutcomeCalculationMethod, OutcomeProficiency
from schemas.tenancy import Account, Course, Heartbeat

HEARTBEAT = "heartbeat"

_STATES: dict[str, type[Body]] = {
    "learning_outcome": LearningOutcome,
    "learning_outcome_group": LearningOutcomeGroup,
    "learning_outcome_link": LearningOutcomeLink,
    "learning_outcome_result": LearningOutcomeResult,
    "outcome_proficiency": OutcomeProficiency,
    "outcome_calculation_method": OutcomeCalculationMethod,
    "outcome_friendly_description": OutcomeFriendlyDescription,
    "account": Account,
    "course": Course,
}

EVENTS: Mapping[str, type[Body]] = MappingProxyType(
    {f"{thing}_{verb}": model for thing, model in _STATES.items() for verb in ("created", "updated")}
    | {"rubric_assessed": RubricAssessment}
)
"""Every event that becomes a row. `heartbeat` is known (`Heartbeat`) and counted, but is no row."""

BODIES: Mapping[str, type[Body]] = MappingProxyType({**EVENTS, HEARTBEAT: Heartbeat})
"""`EVENTS` and the heartbeat: all that has a published JSON Schema."""
