"""REST against what we know: only differences are written, and a second comparison finds none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.canvas import compare, mapping
from consumer.canvas.client import Context
from consumer.canvas.compare import Change, Known, SkipReason
from consumer.canvas.examining.alignments import removed, skip_shown
from consumer.canvas.mapping import RemoteObject
from consumer.canvas.observations import Scale
from consumer.canvas.projection import AlignmentState, KnownAlignment
from consumer.canvas.snapshot_writer import event_of
from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import Accepted, RawRecord
from consumer.ingest.tables import TABLES
from schemas import rest
from tests.samples import NOON, TENANT

THEN = NOON - timedelta(days=1)
BETWEEN = NOON - timedelta(hours=1)
LATER = NOON + timedelta(days=1)
MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ROOT = Context("Account", 1)

# Possible answers of Canvas, and possible known versions

words = st.text("ab é<", max_size=2)
texts = st.sampled_from(["", "a", "b", "Mastery"]) | st.none()
numbers = st.sampled_from([0, 1, 1.0, 2.5, 3]) | st.none()
ids = st.integers(1, 3)
maybe_ids = ids | st.none()
times = st.sampled_from([None, "2025-03-01T10:00:00Z", "2025-03-02T10:00:00Z"])
states = st.sampled_from(["active", "deleted", "archived"])


def answers(shape: Any, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects of a shape with its required members and some of these."""
    needed = {name: members.pop(name) for name, field in shape.model_fields.items() if field.is_required()}
    return st.fixed_dictionaries(needed, optional=members).map(shape.model_validate)


accounts = answers(rest.Account, id=ids, name=words, parent_account_id=maybe_ids, root_account_id=maybe_ids, uuid=texts).map(
    mapping.account
)
courses = answers(
    rest.Course,
    id=ids,
    name=texts,
    uuid=texts,
    account_id=maybe_ids,
    created_at=times,
    workflow_state=st.sampled_from(["unpublished", "available", None]),
).map(mapping.course)
groups = answers(
    rest.OutcomeGroup,
    id=ids,
    title=words,
    description=texts,
    context_id=st.just(1),
    context_type=st.just("Account"),
    parent_outcome_group=st.none() | st.fixed_dictionaries({"id": ids, "title": st.just("x")}),
).map(mapping.group)
outcomes = st.builds(
    lambda outcome, own: mapping.outcome(outcome, own_criterion=own),
    answers(
        rest.Outcome,
        id=ids,
        title=words,
        description=texts,
        display_name=texts,
        context_id=maybe_ids,
        points_possible=numbers,
        mastery_points=numbers,
        ratings=st.none() | st.lists(st.fixed_dictionaries({}, optional={"description": texts, "points": numbers}), max_size=3),
        calculation_method=st.sampled_from(["highest", "n_mastery", "decaying_average", "weighted_average", None]),
        calculation_int=st.sampled_from([2, 65, None]),
    ),
    st.booleans(),
)
results = answers(
    rest.OutcomeResult,
    id=maybe_ids,
    score=numbers,
    possible=numbers,
    percent=numbers,
    mastery=st.booleans() | st.none(),
    submitted_or_assessed_at=times,
    links=st.fixed_dictionaries(
        {"user": st.sampled_from(["5", "6", "uuid:x"]), "learning_outcome": ids},
        optional={"alignment": st.sampled_from(["assignment_7", "quiz_8", None]), "assignment": st.just("assignment_9")},
    ),
).map(lambda result: mapping.result(result, 5, "COURSE"))
levels = st.lists(
    st.fixed_dictionaries(
        {"description": st.sampled_from(["a", "b"]), "points": st.sampled_from([1, 2.0]), "mastery": st.booleans()},
        optional={"color": st.sampled_from(["0b874b", "0B874B", "FAB901", None])},
    ).map(rest.ProficiencyRating.model_validate),
    min_size=1,
    max_size=3,
)
objects = st.one_of(accounts, courses, groups, outcomes, results)


@st.composite
def known_of(draw: st.DrawFn, one: RemoteObject) -> Known | None:
    """Nothing, or a similar version from another time."""
    if draw(st.booleans()):
        return None
    table = TABLES[one.table]
    body = {name: draw(st.just(value) | st.just(None)) for name, value in one.members.items()}
    body[table.id_member] = one.id
    body |= draw(
        st.fixed_dictionaries(
            {"workflow_state": states, "title": words},
            optional={
                "icon": st.just("sun"),
                "context_uuid": st.just("C"),
                "account_uuid": st.just("A"),
                "user_uuid": st.sampled_from(["id:5", "id:6", "U"]),
                "associated_asset_type": st.just("Quizzes::Quiz"),
                "calculation_method": st.sampled_from(["highest", "decaying_average"]),
                "calculation_int": st.just(40),
                "rubric_criterion": st.fixed_dictionaries(
                    {"id": st.just("x")},
                    optional={
                        "points_possible": numbers,
                        "ratings": st.lists(st.fixed_dictionaries({"points": numbers}), max_size=2),
                    },
                ),
            },
        )
    )
    submitted = draw(st.sampled_from([None, datetime(2025, 3, 2, 10, 0, 0, 500, tzinfo=UTC)]))
    return Known({name: value for name, value in body.items() if value is not None}, THEN, "x_updated", submitted)


def after(change: Change, before: Known | None) -> Known:
    """The known version after a change was written: through the bytes, the decoder and the row."""
    (verdict,) = decode(RawRecord("canvas:x", 0, 1, event_of(change, TENANT)), Rules(), LATER)
    assert isinstance(verdict, Accepted), verdict
    row = dict(zip(verdict.table.columns, verdict.row, strict=False))
    feed, earlier = (before.feed, before.earlier) if before is not None else (None, ())
    submitted_at = (feed or before or Known({}, THEN, "")).submitted_at
    return replace(compare.known_of(change.table, row | {"submitted_at": submitted_at}), feed=feed, earlier=earlier)


@MANY
@given(st.data())
def test_what_was_written_compares_as_equal(data: st.DataObject) -> None:
    """For any answer and any known version, late or not.

    Members that REST does not show keep the feed's last value, unless an earlier snapshot had them, or they depend on a member
    that REST shows.
    """
    one = data.draw(objects)
    known = data.draw(known_of(one))
    if known is not None:
        known = replace(known, feed=data.draw(known_of(one)), earlier=data.draw(st.sampled_from([(), (known.body,)])))
    found = compare.compare(one, known, NOON, {"5": "U"})
    if isinstance(found, SkipReason):
        assert (found is SkipReason.WITHOUT_ID) == (one.id is None)
        return
    now = after(found, known)
    assert compare.compare(one, now, LATER, {"5": "U"}) is SkipReason.UNCHANGED
    if known is not None:
        assert found.differences
        newest = (known.feed or known).body
        assert newest.keys() - now.body.keys() - one.members.keys() <= set(compare.DEPENDENT.values())
        stays = known.feed is not None and not known.earlier and "icon" in known.body
        assert now.body.get("icon") == (known.body if stays else newest).get("icon")


@MANY
@given(levels, st.none() | levels, states, st.booleans(), st.sampled_from([None, 12]))
def test_a_scale_that_was_written_compares_as_equal(
    ratings: Any, others: Any, state: str, inherited: bool, canvas_id: Any
) -> None:
    """An inherited scale is written only if the context owns a different one."""
    known = None
    if others is not None:
        body = {"outcome_proficiency_id": 12, **mapping.scale(ROOT, others).members, "workflow_state": state}
        known = Known(body, THEN, "outcome_proficiency_updated")
    found = compare.mastery_scale(Scale(ROOT, NOON, ratings, inherited), known, canvas_id)
    if isinstance(found, SkipReason):
        assert inherited or (known is not None and compare.same_scale(others, ratings))
        return
    assert not inherited or (known is not None and state == "active")
    assert found.id == (canvas_id or -2)
    now = Known(orjson.loads(event_of(found, TENANT))["body"], NOON, found.event_name)
    assert compare.mastery_scale(Scale(ROOT, LATER, ratings, inherited), now, canvas_id) is SkipReason.UNCHANGED


@MANY
@given(objects, st.data())
def test_what_is_newer_than_the_request_is_left_alone(one: RemoteObject, data: st.DataObject) -> None:
    """Whatever its content."""
    known = data.draw(known_of(one).filter(lambda known: known is not None))
    assert known is not None
    newer = Known(known.body, NOON + timedelta(microseconds=1), known.event_name)
    assert compare.compare(one, newer, NOON) in (SkipReason.NEWER_HERE, SkipReason.WITHOUT_ID)


# Rules, one by one


@pytest.mark.parametrize(
    ("changed", "known_at", "saved_at", "dated"),
    [
        ({"workflow_state": "deleted"}, THEN, BETWEEN, True),
        ({"course_id": 2, "course_section_id": 3}, THEN, BETWEEN, True),
        ({"user_id": 6, "user_uuid": "V"}, THEN, BETWEEN, True),
        ({"user_uuid": "V"}, THEN, BETWEEN, False),
        ({"workflow_state": "deleted"}, BETWEEN, BETWEEN, False),
        ({"workflow_state": "deleted"}, THEN, LATER, False),
        ({"workflow_state": "deleted"}, None, BETWEEN, False),
    ],
)
def test_a_change_of_an_enrolment_without_an_event_has_the_time_when_canvas_saved_it(
    changed: dict[str, Any], known_at: datetime | None, saved_at: datetime, dated: bool
) -> None:
    """As imports delete, cross-listing moves and merges hand over; but a new uuid of the same user has no such time."""
    members = {"course_id": 1, "course_section_id": 2, "user_id": 5, "user_uuid": "U", "type": "StudentEnrollment"}
    members["workflow_state"] = "active"
    known = Known(members | {"enrollment_id": 9}, known_at, "enrollment_created") if known_at is not None else None
    one = RemoteObject("enrollment", 9, members | changed, saved_at=saved_at)
    change = compare.compare(one, known, NOON)
    assert isinstance(change, Change)
    assert change.at == (saved_at if dated else NOON)


def result_of(**members: Any) -> RemoteObject:
    """A result of user 5."""
    shown = {"id": 1, "score": 3, "links": {"user": "5", "learning_outcome": 2, "alignment": "assignment_7"}} | members
    return mapping.result(rest.OutcomeResult.model_validate(shown), 5, None)


RESULT = {
    "id": 1,
    "learning_outcome_id": 2,
    "score": 3.0,
    "user_uuid": "U",
    "result_context_type": "Course",
    "result_context_id": 5,
    "workflow_state": "active",
    "associated_asset_type": "Quizzes::Quiz",
    "associated_asset_id": 8,
    "assessed_at": datetime(2025, 3, 1, 10, 0, 0, 250_000, tzinfo=UTC),
}


@pytest.mark.parametrize(
    ("shown", "submitted", "differs"),
    [
        ("2025-03-01T10:00:00Z", None, False),
        ("2025-03-02T10:00:00Z", None, True),
        ("2025-03-02T10:00:00Z", datetime(2025, 3, 2, 10, 0, 0, 7, tzinfo=UTC), False),
        ("2025-03-03T10:00:00Z", datetime(2025, 3, 2, 10, tzinfo=UTC), True),
        (None, None, False),
    ],
)
def test_the_time_of_a_result_is_either_time(shown: str | None, submitted: datetime | None, differs: bool) -> None:
    """REST does not say whether the work was submitted or assessed then, and has no fractions of seconds."""
    found = compare.compare(result_of(submitted_or_assessed_at=shown), Known(RESULT, THEN, "x", submitted), NOON)
    assert isinstance(found, Change) == differs
    if isinstance(found, Change):
        assert [one.member for one in found.differences] == ["assessed_at"]


def test_the_asset_and_the_uuid_from_the_feed_stay() -> None:
    """REST shows an assignment for a quiz too. User ids are learnt from the feed, so its uuid is right."""
    assert compare.compare(result_of(), Known(RESULT, THEN, "x"), NOON, {"5": "another"}) is SkipReason.UNCHANGED
    bare = {name: value for name, value in RESULT.items() if not name.startswith("associated")} | {"user_uuid": "id:5"}
    found = compare.compare(result_of(), Known(bare, THEN, "x"), NOON, {"5": "U"})
    assert isinstance(found, Change)
    assert found.body | {"score": 3.0} == RESULT | {"associated_asset_type": "Assignment", "associated_asset_id": 7}


@pytest.mark.parametrize(
    ("stored", "shown", "differs"),
    [
        ("decaying_average", "weighted_average", False),
        ("standard_decaying_average", "decaying_average", False),
        ("highest", "latest", True),
        ("weighted_average", "decaying_average", True),
    ],
)
def test_two_names_of_one_method_are_the_same(stored: str, shown: str, differs: bool) -> None:
    """REST renames them while Canvas' new decaying average is on."""
    outcome = mapping.outcome(rest.Outcome(id=1, title="t", calculation_method=shown), own_criterion=True)
    body = {"learning_outcome_id": 1, "title": "t", "workflow_state": "active", "calculation_method": stored}
    assert isinstance(compare.compare(outcome, Known(body, THEN, "x"), NOON), Change) == differs


@pytest.mark.parametrize(("state", "differs"), [("active", False), ("archived", False), ("retired", False), ("deleted", True)])
def test_a_list_shows_that_an_outcome_is_not_deleted(state: str, differs: bool) -> None:
    """Lists contain archived ones too."""
    outcome = mapping.outcome(rest.Outcome(id=1, title="t"), own_criterion=False)
    body = {"learning_outcome_id": 1, "title": "t", "workflow_state": state}
    assert isinstance(compare.compare(outcome, Known(body, THEN, "x"), NOON), Change) == differs


def link(id_: int, state: str = "active", at: datetime = THEN, name: str = "learning_outcome_link_updated") -> Known:
    """A known link, always at the same position."""
    body = {
        "learning_outcome_link_id": id_,
        "context_type": "Account",
        "context_id": 1,
        "learning_outcome_group_id": 3,
        "learning_outcome_id": 2,
        "workflow_state": state,
    }
    return Known(body, at, name)


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ([], (SkipReason.UNKNOWN_LINK, None)),
        ([link(1), link(2), link(3, "deleted")], (SkipReason.UNCHANGED, 2)),
        ([link(3, "deleted")], (SkipReason.UNKNOWN_LINK, None)),
        ([link(3, "deleted", LATER)], (SkipReason.NEWER_HERE, None)),
        ([link(3, "active", LATER)], (SkipReason.NEWER_HERE, 3)),
        ([link(1, "deleted", THEN, "learning_outcome_link_backfilled"), link(3, "deleted")], (None, 1)),
    ],
)
def test_a_link_is_known_by_its_position(known: list[Known], found: tuple[SkipReason | None, int | None]) -> None:
    """The youngest active one; a deleted one only if REST alone showed its deletion."""
    one = RemoteObject(
        "learning_outcome_link", None, {n: v for n, v in link(0).body.items() if n != "learning_outcome_link_id"}
    )
    verdict, id_ = compare.link(one, known, NOON)
    assert (verdict if isinstance(verdict, SkipReason) else None, id_) == found


def aligned(state: str, at: datetime = THEN) -> AlignmentState:
    """An alignment."""
    return AlignmentState(1, "Assignment", 7, state, "Essay", "none", None, at)


@pytest.mark.parametrize(
    ("known", "newest_result", "state"),
    [
        (None, THEN, "deleted"),
        (None, LATER, None),
        (None, None, None),
        (aligned("active"), None, "deleted"),
        (aligned("active", LATER), THEN, None),
        (aligned("deleted"), THEN, None),
        (aligned("deleted"), THEN + timedelta(hours=1), "deleted"),
        (aligned("deleted"), LATER, None),
    ],
)
def test_a_removed_alignment_is_written_once(
    known: AlignmentState | None, newest_result: datetime | None, state: str | None
) -> None:
    """Again if a result is newer than the deletion. A result newer than the request proves that the alignment existed."""
    found = removed((1, "Assignment", 7), KnownAlignment(known, newest_result), NOON)
    assert (found and found.workflow_state) == state


def test_an_alignment_that_says_the_same_is_not_written() -> None:
    """At any time."""
    assert skip_shown(aligned("active", NOON), KnownAlignment(aligned("active"), None)) is SkipReason.UNCHANGED
    assert skip_shown(aligned("active", NOON), KnownAlignment(aligned("deleted"), None)) is None
    assert skip_shown(aligned("active", NOON), KnownAlignment(aligned("deleted", LATER), None)) is SkipReason.NEWER_HERE
    assert skip_shown(aligned("active", NOON), KnownAlignment(None, None)) is None
