"""People, events about them in every way that there is, and which of them tell of whom: said once more, of the raw events."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from consumer.ingest.tables import TABLES
from consumer.store.postgres import Connection
from tests.postgres.writing import projection
from tests.samples import NOON, Event, event

SHARD = 21070000000000000

ANA, BO, CY = (501, "ana-uuid"), (502, "bo-uuid"), (503, "cy-uuid")
PEOPLE = (ANA, BO, CY)
NAMES = {501: "Ana Quist", 502: "Bo Quist", 503: "Cy Quist"}

_moments = st.sampled_from([NOON + timedelta(minutes=minutes) for minutes in range(3)])


@st.composite
def some_event(draw: st.DrawFn) -> Event:
    """About one of three people, one of whom observes another; ids repeat, so that things hang on each other."""
    at, verb = draw(_moments), draw(st.sampled_from(["created", "updated"]))
    user, uuid = draw(st.sampled_from(PEOPLE))
    number = draw(st.integers(1, 3))
    match draw(st.sampled_from(["result", "user", "enrollment", "state", "submission", "rubric", "broken", "outcome"])):
        case "result":
            kind, artifact = draw(st.sampled_from([("RubricAssessment", f"2{number}"), ("Submission", f"1{number}")]))
            changes: dict[str, Any] = draw(st.sampled_from([{}, {"surprise": "x"}]))
            return event(
                f"learning_outcome_result_{verb}",
                at=at,
                id=str(30 + number),
                user_uuid=uuid,
                artifact_type=kind,
                artifact_id=artifact,
                **changes,
            )
        case "user":
            return event(f"user_{verb}", at=at, user_id=str(SHARD + user), uuid=uuid, name=NAMES[user], user_login=f"l{user}")
        case "enrollment":
            observed = draw(st.sampled_from([..., ..., *(str(SHARD + one) for one, _ in PEOPLE if one != user)]))
            return event(
                f"enrollment_{verb}",
                at=at,
                enrollment_id=str(SHARD + 40 + number),
                user_id=str(SHARD + user),
                user_uuid=draw(st.sampled_from([uuid, ...])),
                associated_user_id=observed,
            )
        case "state":
            return event(f"enrollment_state_{verb}", at=at, enrollment_id=str(SHARD + 40 + number))
        case "submission":
            return event(f"submission_{verb}", at=at, submission_id=str(SHARD + 10 + number), user_id=str(SHARD + user))
        case "rubric":
            return event("rubric_assessed", at=at, id=f"2{number}", artifact_type="Submission", artifact_id=str(10 + number))
        case "broken":
            return event(f"learning_outcome_result_{verb}", at=at, user_uuid=uuid, learning_outcome_id="none")
        case _:
            return event(f"learning_outcome_{verb}", at=at, id=str(number), title=draw(st.sampled_from(["Cells", "Genes"])))


def _local(body: Mapping[str, Any], member: str) -> Any:
    return int(body[member]) % 10**13 if member in body else None


def _named(told: Event) -> tuple[set[Any], set[Any], set[Any]]:
    """(whom an event names, which of these are one person, what is that person's)."""
    name, body = told["metadata"]["event_name"], told["body"]
    uuid = {("uuid", body[member]) for member in ("uuid", "user_uuid") if member in body}
    if name.startswith("learning_outcome_result"):
        kind = {"RubricAssessment": "rubric", "Submission": "submission"}.get(body.get("artifact_type"))
        return uuid, set(), {(kind, int(body["artifact_id"]))} if kind and body["learning_outcome_id"] != "none" else set()
    if name.startswith("user_"):
        both = uuid | {("user", _local(body, "user_id"))}
        return both, both, set()
    if name.startswith("enrollment_state"):
        return {("enrollment", _local(body, "enrollment_id"))}, set(), set()
    if name.startswith("enrollment"):
        both = uuid | {("user", _local(body, "user_id"))}
        observed = {("user", _local(body, "associated_user_id"))} - {("user", None)}
        return both | observed, both, {("enrollment", _local(body, "enrollment_id"))}
    if name.startswith("submission"):
        return {("user", _local(body, "user_id"))}, set(), {("submission", _local(body, "submission_id"))}
    if name == "rubric_assessed":
        return {("rubric", int(body["id"])), ("submission", int(body["artifact_id"]))}, set(), set()
    return set(), set(), set()


def without(events: Sequence[Event], known: Iterable[Any]) -> list[Event]:
    """The events that tell nothing of the person who has one of these keys."""
    keys = set(known)
    while True:
        found = set(keys)
        for told in events:
            named, same, theirs = _named(told)
            if named & found:
                found |= theirs | (same if same & found else set())
        if found == keys:
            return [told for told in events if not _named(told)[0] & keys]
        keys = found


IDENTITIES = "SELECT user_uuid, user_id FROM user_identity WHERE root_account_uuid = $1 ORDER BY 1, 2"
"""Apart: what an observer's enrolment told of the observer stays known, when it goes for whom it observes."""
BESIDE = (
    "SELECT user_id, name, login, by_event FROM person_name WHERE root_account_uuid = $1 ORDER BY 1",
    "SELECT table_name, id, event_time, members FROM unknown_value WHERE root_account_uuid = $1 ORDER BY 1, 2, 3",
    "SELECT DISTINCT event_name, substring(encode(raw, 'escape') FROM '[a-z]+-uuid') FROM quarantine "
    "WHERE state = 'open' AND position(convert_to($1, 'UTF8') IN raw) > 0 ORDER BY 1, 2",
)


async def everything(connection: Connection, tenant: str) -> dict[str, list[str]]:
    """All that is stored of a tenant, without when and whence it came, nor the tenant itself."""
    found = {name: [str(row[1:]) for row in rows] for name, rows in (await projection(connection, tenant)).items()}
    assert found.keys() >= TABLES.keys()
    return found | {question: [str(tuple(row)) for row in await connection.fetch(question, tenant)] for question in BESIDE}
