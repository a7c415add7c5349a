"""The second implementation of the mastery math says what Canvas's documents and sources say."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.reference import Reference
from tests.reference_math import Rollup, Told, median, rounded, score
from tests.samples import NOON, TENANT, Event, event, result, scale

LATER = datetime(2026, 1, 1, tzinfo=UTC)
ANN, BEN, CAT = "ann", "ben", "cat"
RATINGS = [
    {"description": "Exceeds", "points": 4},
    {"description": "Meets", "points": 3},
    {"description": "Near", "points": 2},
    {"description": "Below", "points": 1},
]
SHARD = 21070000000000000


def outcome(minute: int = -60, *, points: float | None = 4, mastery: float | None = 3, **members: Any) -> Event:
    """Outcome 1, an hour before noon."""
    criterion = {"points_possible": points, "mastery_points": mastery, "ratings": RATINGS}
    return event(
        "learning_outcome_updated",
        at=NOON + timedelta(minutes=minute),
        **{"learning_outcome_id": "1", "calculation_method": "highest", "rubric_criterion": criterion, **members},
    )


def graded(*percents: float | None, user: str = ANN, first: int = 1, **members: Any) -> list[Event]:
    """Results of one student for outcome 1 in course 1, a minute apart."""
    return [
        result(
            first + place,
            minute=place,
            assessed_at=f"2025-03-20T12:{place:02}:00Z",
            **{"user_uuid": user, "percent": percent, "score": 1, "possible": 1, **members},
        )
        for place, percent in enumerate(percents)
    ]


def method(name: str, calculation_int: int | None = None, **members: Any) -> Event:
    """Calculation method 11, of the root account if nothing else is said."""
    changed = {"context_type": "Account", "context_id": "1", **members}
    at = NOON - timedelta(hours=1)
    return event(
        "outcome_calculation_method_updated", at=at, calculation_method=name, calculation_int=calculation_int, **changed
    )


def course(account: int | None, id: int = 1, minute: int = -90) -> Event:  # noqa: A002 - Canvas's word
    """A course and whose it is."""
    at = NOON + timedelta(minutes=minute)
    return event("course_updated", at=at, course_id=SHARD + id, account_id=account and SHARD + account)


def account(id: int, parent: int | None, minute: int = -90) -> Event:  # noqa: A002 - Canvas's word
    """An account and its parent."""
    at = NOON + timedelta(minutes=minute)
    return event("account_updated", at=at, account_id=str(SHARD + id), parent_account_id=parent and str(SHARD + parent))


def link(id: int = 1, minute: int = -50, **members: Any) -> Event:  # noqa: A002 - Canvas's word
    """A link of outcome 1 into course 1."""
    changed = {"learning_outcome_id": 1, "context_type": "Course", "context_id": 1, **members}
    return event("learning_outcome_link_updated", at=NOON + timedelta(minutes=minute), learning_outcome_link_id=id, **changed)


def told(*events: Event | Sequence[Event], switch: str = "auto") -> Reference:
    """All of it, learnt at once."""
    flat = [one for some in events for one in (some if isinstance(some, Sequence) else [some])]
    return Reference([Told(one, LATER) for one in flat], {TENANT: switch})


def rollup(reference: Reference, at: datetime | None = None, known_at: datetime | None = None) -> Any:
    """Ann's, for outcome 1 in course 1."""
    return reference.rollups(TENANT, 1, at, known_at).get((ANN, 1))


def reached(*events: Event | Sequence[Event], switch: str = "auto") -> Decimal | None:
    """Ann's score."""
    found: Rollup | None = rollup(told(*events, switch=switch))
    return found.score if found else None


def owner(reference: Reference, context_type: str = "Course", context_id: int = 1, at: datetime | None = None) -> Any:
    """Whose scale holds there."""
    found = reference.scale(TENANT, context_type, context_id, at)
    return found and (found.context_type, found.context_id)


def owned(id: int, context_type: str, context_id: int, minute: int = -70, **members: Any) -> Event:  # noqa: A002
    """A scale of a context that says nothing else about the tree."""
    told_by = scale(
        4, 3, 2, minute=minute, outcome_proficiency_id=id, context_type=context_type, context_id=context_id, **members
    )
    return without_hints(told_by)


def without_hints(changed: Event) -> Event:
    """As a job would tell it."""
    for name in ("context_type", "context_id", "context_account_id"):
        changed["metadata"].pop(name, None)
    return changed


WORKED = [
    ("highest", None, "3.2"),
    ("latest", None, "1.6"),
    ("average", None, "2.0"),
    ("n_mastery", 1, "3.2"),
    ("n_mastery", 2, None),
    ("weighted_average", 65, "1.79"),
    ("decaying_average", 65, "1.79"),
    ("weighted_average", 80, "1.71"),
    ("decaying_average", 80, "1.71"),
    ("standard_decaying_average", 65, "1.99"),
    ("standard_decaying_average", 80, "1.88"),
]


@pytest.mark.parametrize(("name", "calculation_int", "expected"), WORKED)
def test_the_worked_example_comes_out_as_documented(name: str, calculation_int: int | None, expected: str | None) -> None:
    wanted = None if expected is None else Decimal(expected)
    assert score(name, calculation_int, [0.8, 2.4, 3.2, 1.6], 3) == wanted
    own = outcome(calculation_method=name, calculation_int=calculation_int)
    assert reached(own, graded(0.2, 0.6, 0.8, 0.4)) == wanted


def test_the_same_results_on_a_scale_of_ten_points_average_to_five() -> None:
    reference = told(method("average"), scale(10, 7, 0), graded(0.2, 0.6, 0.8, 0.4))
    assert rollup(reference) == Rollup(
        score=Decimal("5.00"),
        mastery=False,
        rating="Level 2",
        color="0B874B",
        calculation_method="average",
        calculation_int=None,
        points_possible=10,
        mastery_points=7,
        results=4,
        last_assessed_at=NOON + timedelta(minutes=3),
    )


@pytest.mark.parametrize(
    ("exact", "expected"),
    [
        *((4.125, "4.13"), (2.675, "2.68"), (0.125, "0.13"), (1.005, "1.01"), (-0.125, "-0.13"), (-0.001, "0"), (1e22, "1e22")),
        *((0.11499999999999999, "0.12"), (0.11499999999999998, "0.11"), (0.33499999999999996, "0.34")),
    ],
)
def test_halves_are_rounded_away_from_zero_as_ruby_does(exact: float, expected: str) -> None:
    assert rounded(exact) == Decimal(expected)
    assert not rounded(-0.001).is_signed()


@pytest.mark.parametrize(
    ("name", "calculation_int", "same_as"),
    [
        ("decaying_average", None, 65),
        ("decaying_average", 0, 65),
        ("weighted_average", 100, 65),
        ("standard_decaying_average", 49, 65),
        ("n_mastery", None, 5),
        ("n_mastery", 0, 5),
        ("n_mastery", 11, 5),
    ],
)
def test_a_missing_or_illegal_number_is_the_default(name: str, calculation_int: int | None, same_as: int) -> None:
    for values in ([3.0, 3.5, 4.0, 3.1], [3.0, 3.5, 4.0, 3.1, 3.2]):
        assert score(name, calculation_int, values, 3) == score(name, same_as, values, 3)


def test_n_mastery_takes_the_mean_of_all_values_that_are_mastery_unrounded() -> None:
    assert score("n_mastery", 2, [3, 4, 3.5, 1], 3) == Decimal("3.5")
    assert score("n_mastery", 2, [3, 2.999], 3) is None
    assert score("n_mastery", 1, [3], None) is None


def test_one_value_is_itself_and_none_is_nothing() -> None:
    for name in ("highest", "latest", "average", "decaying_average", "weighted_average", "standard_decaying_average", None):
        assert score(name, None, [2.5], None) == Decimal("2.5")
        assert score(name, None, [], 3) is None


def test_an_unknown_method_has_no_score() -> None:
    assert score("median", None, [3], 3) is None
    assert reached(outcome(calculation_method="median"), graded(1)) is None


def test_percent_wins_over_score_and_score_stands_in_for_it() -> None:
    assert reached(outcome(), graded(0.0, score=4)) == 0
    assert reached(outcome(), graded(None, score=2.5)) == Decimal("2.5")
    assert reached(outcome(points=0), graded(0.5)) == Decimal("1.5")


def test_points_of_a_criterion_are_found_in_its_ratings() -> None:
    found = rollup(told(outcome(points=None, mastery=None), graded(0.75)))
    assert (found.score, found.points_possible, found.mastery_points, found.mastery) == (3, 4, 4, False)


def test_an_unknown_outcome_scores_raw_points_only() -> None:
    found = rollup(told(graded(None, score=2)))
    assert (found.score, found.mastery, found.rating, found.calculation_method) == (2, None, None, "highest")
    assert reached(graded(None, 0.5)) is None


def test_only_active_results_with_a_score_count() -> None:
    counted = graded(0.5)
    deleted, cleared = graded(1, first=5, workflow_state="deleted"), graded(1, first=6, score=None)
    assert reached(outcome(), counted, deleted, cleared) == 2
    assert reached(outcome(), deleted, cleared) is None
    assert reached(outcome(), graded(1, user_uuid=...), graded(1, first=7, learning_outcome_id=None)) is None


def test_results_of_no_course_roll_up_together_and_apart_from_courses() -> None:
    lost = [graded(0.25, result_context_type="Account"), graded(0.5, first=2, result_context_id=None)]
    here = [graded(0.75, first=3, result_context_type=...), graded(1, first=4, result_context_id=2)]
    reference = told(outcome(), *lost, *here)
    assert {key: found.score for key, found in reference.rollups(TENANT, None).items()} == {(ANN, 1): 2}
    assert [reference.rollups(TENANT, id)[ANN, 1].score for id in (1, 2)] == [3, 4]  # noqa: A001 - Canvas's word


def test_time_is_the_submission_then_the_assessment_then_the_id() -> None:
    latest = outcome(calculation_method="latest")
    first, second = graded(0.25, 0.5, artifact_type="RubricAssessment")
    first["body"]["artifact_id"], second["body"]["artifact_id"] = 21, 22
    early = event("rubric_assessed", id=22, submitted_at="2025-03-01T00:00:00Z")
    assert reached(latest, first, second) == 2
    assert reached(latest, first, second, early) == 1
    assert reached(latest, graded(0.25, 0.5, artifact_type="Submission", artifact_id=22), early) == 2
    same = [result(id, percent=id / 4, user_uuid=ANN, assessed_at=f"2025-03-20T12:00:00.{9 - id}Z") for id in (1, 2)]  # noqa: A001
    assert reached(latest, same) == 2


def test_a_result_without_time_is_the_oldest() -> None:
    timeless = result(9, percent=1, user_uuid=ANN, assessed_at=None)
    assert reached(outcome(calculation_method="latest"), timeless, graded(0.25)) == 1


def banks(*pairs: tuple[float | None, float | None]) -> list[Event]:
    """Rows of one quiz: possible and percent."""
    members: Event = {
        "artifact_type": "Quizzes::QuizSubmission",
        "associated_asset_type": "Quizzes::Quiz",
        "associated_asset_id": 7,
    }
    return [
        graded(percent, first=place + 1, possible=possible, **members)[0] for place, (possible, percent) in enumerate(pairs)
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("average", "2.4"),
        ("latest", "2.4"),
        ("decaying_average", "2.4"),
        ("weighted_average", "2.4"),
        ("standard_decaying_average", "2.4"),
        ("highest", "4"),
        ("n_mastery", "4"),
    ],
)
def test_rows_of_one_quiz_are_one_value_except_for_highest_and_n_mastery(name: str, expected: str) -> None:
    own = outcome(calculation_method=name, calculation_int=1 if name == "n_mastery" else None)
    assert reached(own, banks((4, 0.5), (1, 1.0))) == Decimal(expected)


def test_each_row_of_a_quiz_is_an_entry_of_its_own() -> None:
    average = outcome(calculation_method="average")
    assert reached(average, banks((4, 0.5), (1, 1.0)), graded(0, first=5)) == Decimal("1.6")
    assert reached(average, banks((4, 0.5), (1, 1.0), (2, None))) == Decimal("2.4")


def test_rows_of_a_quiz_without_possible_points_stay_as_they_are() -> None:
    average = outcome(calculation_method="average")
    assert reached(average, banks((0, 0.5), (None, 1.0))) == 3


def test_rows_of_two_quizzes_are_not_merged() -> None:
    one, other = banks((4, 0.5), (1, 1.0))
    other["body"]["associated_asset_id"] = 8
    assert reached(outcome(calculation_method="average"), one, other) == 3


@pytest.mark.parametrize(
    ("percent", "rating"), [(1.25, "Exceeds"), (1, "Exceeds"), (0.75, "Meets"), (0.74, "Near"), (0.25, "Below"), (0.2, None)]
)
def test_the_level_is_the_first_whose_points_are_reached(percent: float, rating: str | None) -> None:
    found = rollup(told(outcome(), graded(percent)))
    assert (found.rating, found.mastery) == (rating, percent >= 0.75)


def test_mastery_and_level_see_the_rounded_score() -> None:
    found = rollup(told(outcome(mastery=2.7), graded(0.67375)))
    assert (found.score, found.mastery) == (Decimal("2.7"), True)
    found = rollup(told(outcome(), graded(0.74875)))
    assert (found.score, found.mastery, found.rating) == (3, True, "Meets")


def test_a_scale_is_inherited_from_the_nearest_that_owns_an_active_one() -> None:
    tree = [course(3), account(3, 2), account(2, 1), account(1, None)]
    scales = [owned(1, "Account", 1), owned(2, "Account", 2), owned(3, "Course", 1)]
    assert owner(told(tree, scales)) == ("Course", 1)
    assert owner(told(tree, scales, owned(3, "Course", 1, -5, workflow_state="deleted"))) == ("Account", 2)
    assert owner(told(tree, scales), "Account", 3) == ("Account", 2)
    assert owner(told(tree, scales), "Account", 1) == ("Account", 1)
    assert owner(told(tree, scales), "Course", 99) == ("Account", 1)
    assert owner(told(tree, scales, switch="off")) is None
    assert owner(told(tree, switch="on")) is None


def test_a_course_and_an_account_of_one_id_are_two() -> None:
    assert owner(told(course(2), account(2, None), owned(1, "Account", 1))) is None
    assert owner(told(course(2), account(2, None), owned(1, "Course", 1)), "Account", 1) is None


def test_a_method_is_inherited_on_its_own() -> None:
    tree = [course(2), account(2, 1), account(1, None)]
    found = rollup(told(tree, owned(1, "Account", 2), method("latest"), outcome(), graded(1, 0.5)))
    assert (found.calculation_method, found.score, found.rating) == ("latest", 2, "Level 2")
    found = rollup(told(tree, method("latest"), outcome(), graded(1, 0.5)))
    assert (found.calculation_method, found.score, found.rating) == ("latest", 2, "Near")
    found = rollup(told(tree, method("latest"), outcome(), graded(1, 0.5), switch="off"))
    assert (found.calculation_method, found.score) == ("highest", 4)


def test_moving_a_course_or_an_account_changes_what_it_inherits() -> None:
    tree = [course(2), account(2, 1), account(1, None), account(3, 1), owned(1, "Account", 3), owned(2, "Account", 1)]
    assert owner(told(tree)) == ("Account", 1)
    assert owner(told(tree, course(3, minute=5))) == ("Account", 3)
    moved = told(tree, account(2, 3, minute=5))
    assert owner(moved) == ("Account", 3)
    assert owner(moved, at=NOON) == ("Account", 1)


def test_a_cycle_of_accounts_ends_at_the_root() -> None:
    tree = [course(2), account(2, 3), account(3, 2), account(1, None), owned(1, "Account", 1)]
    assert owner(told(tree)) == ("Account", 1)


def test_a_course_never_told_is_where_the_newest_hint_says() -> None:
    def hint(minute: int, account_id: int) -> Event:
        said = link(minute, minute)
        said["metadata"] |= {"context_type": "Course", "context_id": SHARD + 1, "context_account_id": str(SHARD + account_id)}
        return said

    scales = [owned(id, "Account", id) for id in (1, 2, 3)]  # noqa: A001 - Canvas's word
    assert owner(told(scales, hint(1, 2), hint(2, 3))) == ("Account", 3)
    assert owner(told(scales, hint(2, 2), hint(1, 3))) == ("Account", 2)
    assert owner(told(scales, hint(2, 2), course(3))) == ("Account", 3)
    assert owner(told(scales, hint(2, 2)), context_id=5) == ("Account", 1)


def test_the_root_is_what_accounts_then_hints_then_owners_say() -> None:
    scales = [owned(id, "Account", id) for id in (1, 2)]  # noqa: A001 - Canvas's word
    assert owner(told(scales)) is None
    assert owner(told(owned(2, "Account", 2))) == ("Account", 2)
    assert owner(told(scales, account(2, None))) == ("Account", 2)
    assert owner(told(scales, without_hints(account(9, 8)))) == ("Account", 1)
    assert owner(told(scales, link())) == ("Account", 1)
    assert owner(told(scales, account(2, None), account(7, None))) == ("Account", 2)


def test_results_of_no_course_inherit_from_the_root() -> None:
    reference = told(account(1, None), owned(1, "Account", 1), graded(0.75, result_context_id=None))
    found: Any = reference.rollups(TENANT, None)[ANN, 1]
    assert (found.score, found.rating, found.mastery) == (3, "Level 1", True)


def test_scales_are_on_by_themselves_once_one_was_seen() -> None:
    reference = told(outcome(), graded(0.5), scale(10, 7, 0, minute=5))
    before, after = rollup(reference, NOON), rollup(reference)
    assert (before.score, after.score) == (2, 5)
    assert reference.scale(TENANT, "Account", 1, NOON) is None


def test_deleted_outcomes_and_outcomes_without_a_link_left_are_hidden() -> None:
    shown = [outcome(), *graded(0.5)]
    gone: Event = {"workflow_state": "deleted"}
    assert reached(shown, outcome(1, **gone)) is None
    assert reached(shown, outcome(1, workflow_state="archived")) == 2
    assert reached(shown, link(1, **gone)) is None
    assert reached(shown, link(1, **gone), link(2)) == 2
    assert reached(shown, link(1, context_id=2, **gone)) == 2
    assert reached(shown, link(1, context_type="Account", **gone)) == 2
    assert reached(shown, link(1, **gone), link(1, minute=5)) == 2


def test_a_summary_counts_students_and_levels() -> None:
    other = graded(0.1, user="dan", first=90, learning_outcome_id=2, percent=None)
    reference = told(
        outcome(),
        graded(1),
        graded(0.75, user=BEN, first=20),
        graded(0.67, user=CAT, first=30),
        graded(0.1, user="eve", first=40),
        other,
    )
    found = reference.summaries(TENANT, 1)
    assert set(found) == {1, 2}
    one = found[1]
    assert (one.mean, one.median) == (Decimal("2.52"), Decimal("2.84"))
    assert (one.students, one.assessed, one.mastered) == (5, 4, 2)
    assert [(at.description, at.count, at.percent, at.mastery) for at in one.levels] == [
        ("Exceeds", 1, 33, True),
        ("Meets", 1, 33, True),
        ("Near", 1, 33, False),
        ("Below", 0, 0, False),
    ]
    assert found[2].levels == []


def test_a_median_is_not_rounded_and_a_mean_is() -> None:
    assert median([1.01, 1.0]) == Decimal("1.005")
    found = told(outcome(points=1), graded(1.01), graded(1.0, user=BEN, first=20)).summaries(TENANT, 1)[1]
    assert (found.mean, found.median) == (Decimal("1.01"), Decimal("1.005"))


def test_a_timeline_tells_each_change_and_the_end() -> None:
    events = [
        outcome(),
        result(1, minute=0, user_uuid=ANN, percent=0.5),
        result(1, minute=1, user_uuid=ANN, percent=0.5, assessed_at="2025-01-01T00:00:00Z"),
        scale(10, 7, 0, minute=2),
        outcome(3, workflow_state="deleted"),
        outcome(4),
    ]
    found = told(events).timeline(TENANT, 1, ANN, 1)
    assert [((time - NOON).seconds // 60, row and row.score) for time, row, _ in found] == [(0, 2), (2, 5), (3, None), (4, 5)]


def test_order_is_event_time_then_created_before_updated_then_updated_at() -> None:
    first = result(1, created=True, user_uuid=ANN, percent=0.25, updated_at=...)
    second = result(1, user_uuid=ANN, percent=0.5, updated_at="2020-01-01T00:00:00Z")
    third = result(1, user_uuid=ANN, percent=0.75, updated_at="2020-01-01T00:00:01Z")
    for events in ([first, second, third], [third, second, first], [second, third, first]):
        assert reached(outcome(), events) == 3
        assert reached(outcome(), [one for one in events if one is not third]) == 2


def test_told_twice_is_one_version_known_since_the_first_time() -> None:
    one = [outcome(), result(1, user_uuid=ANN, percent=0.5)]
    reference = Reference([*(Told(event, LATER) for event in one), *(Told(event, NOON) for event in one)])
    assert rollup(reference, known_at=NOON) == rollup(reference)
    assert rollup(reference, known_at=NOON - timedelta(seconds=1)) is None


def test_what_arrived_late_was_not_known_then() -> None:
    late = Told(result(2, minute=-5, user_uuid=ANN, percent=1), LATER)
    reference = Reference([Told(outcome(), NOON), Told(result(1, user_uuid=ANN, percent=0.5), NOON), late])
    now, then = rollup(reference, at=NOON), rollup(reference, at=NOON, known_at=NOON)
    assert (now.score, then.score) == (4, 2)


def test_versions_that_nothing_orders_are_refused() -> None:
    with pytest.raises(AssertionError, match="nothing tells"):
        told(result(1, percent=0.5), result(1, percent=0.75))


def test_absent_and_null_and_both_spellings_of_ids_are_the_same_version() -> None:
    assert reached(outcome(), graded(0.5, mastery=None, artifact_id="5"), graded(0.5, mastery=..., artifact_id=5)) == 2


def test_tenants_do_not_meet() -> None:
    reference = told(outcome(), graded(0.5), result(1, tenant="other", user_uuid=ANN, percent=1))
    assert set(reference.rollups(TENANT, 1)) == {(ANN, 1)}
    assert reference.rollups("other", 1) == {}
    assert reference.rollups("nobody", 1) == {}


def test_what_is_not_stored_says_nothing() -> None:
    stranger = {"metadata": {**link()["metadata"], "event_name": "conversation_created"}, "body": {"user_id": "1"}}
    nobody = event("learning_outcome_result_updated", tenant=None)
    assert told(stranger, nobody, owned(1, "Account", 1), owned(2, "Account", 2)).scale(TENANT, "Course", 1) is None


def test_ten_thousand_rollups_take_seconds() -> None:
    events = [result(id, user_uuid=str(id // 10), learning_outcome_id=id % 10, percent=0.5) for id in range(1, 10001)]  # noqa: A001
    reference = told(events, scale(4, 3, 2))
    assert len(reference.rollups(TENANT, 1)) == 10000
    assert len(reference.summaries(TENANT, 1)) == 10
