"""Every rule by which Canvas computes mastery, one test each. `test_mastery.py` tests them all by a second implementation."""

import json
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from consumer.ingest.batch import Partition
from consumer.query.sql import sql
from consumer.store.postgres import Connection, connect
from tests.postgres.writing import write
from tests.samples import NOON, TENANT, Event, event, iso

SHARD = 2107 * 10**13
LEVELS = ("Exceeds", "Mastery", "Near", "Below", "None")


class School:
    """Tells events, a minute apart, and asks for rollups."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._minute = 0
        self.told: list[Event] = []

    async def tell(self, name: str, **members: Any) -> None:
        """One event, a minute after the one before; without hints in its metadata."""
        self._minute += 1
        made = event(name, at=NOON + timedelta(minutes=self._minute), **members)
        made["metadata"] = {key: made["metadata"][key] for key in ("event_name", "event_time", "root_account_uuid")}
        self.told.append(made)
        await write(self.connection, made)

    def now(self) -> Any:
        """The moment of the last event."""
        return NOON + timedelta(minutes=self._minute)

    async def result(self, id_: int, percent: float | None = None, **members: Any) -> None:
        """A rubric result of ana for outcome 1 in course 7, 5 points possible; assessed as late as its id is high."""
        score = 1.0 if percent is None else percent * 5
        await self.tell(
            "learning_outcome_result_updated",
            **{
                "id": str(id_),
                "learning_outcome_id": "1",
                "user_uuid": "ana",
                "result_context_type": "Course",
                "result_context_id": "7",
                "score": score,
                "possible": 5.0,
                "percent": percent,
                "assessed_at": iso(NOON + timedelta(hours=id_)),
                "artifact_type": "RubricAssessment",
                "artifact_id": str(id_),
            }
            | members,
        )

    async def results(self, *percents: float, **members: Any) -> None:
        """Results 1, 2, 3 and so on."""
        for index, percent in enumerate(percents):
            await self.result(index + 1, percent, **members)

    async def quiz(self, id_: int, percent: float, possible: float, **members: Any) -> None:
        """A result of one bank of quiz 70."""
        quiz = {
            "artifact_type": "Quizzes::QuizSubmission",
            "associated_asset_type": "Quizzes::Quiz",
            "associated_asset_id": "70",
        }
        await self.result(id_, percent, possible=possible, **(quiz | members))

    async def outcome(
        self, method: Any = "highest", number: int | None = None, *, points: float = 5, mastery: float = 3, **members: Any
    ) -> None:
        """Outcome 1 with its own method and criterion."""
        criterion = {
            "points_possible": points,
            "mastery_points": mastery,
            "ratings": [{"description": "Own", "points": points}, {"description": "Own none", "points": 0}],
        }
        told = {
            "learning_outcome_id": "1",
            "calculation_method": method,
            "calculation_int": number,
            "rubric_criterion": criterion,
        }
        await self.tell("learning_outcome_updated", **(told | members))

    async def scale(
        self, *points: float, owner: str = "Account", id_: int = 1, scale: int = 1, mastery: int = 1, **members: Any
    ) -> None:
        """A mastery scale; its second level is mastery."""
        ratings = [
            {
                "outcome_proficiency_rating_id": str(index + 1),
                "description": LEVELS[index],
                "points": float(value),
                "mastery": index == mastery,
                "color": f"00000{index}",
                "workflow_state": "active",
            }
            for index, value in enumerate(points)
        ]
        told = {"outcome_proficiency_id": str(scale), "context_type": owner, "context_id": str(id_)}
        await self.tell("outcome_proficiency_updated", outcome_proficiency_ratings=ratings, **(told | members))

    async def method(
        self, name: str, number: int | None = None, *, owner: str = "Account", id_: int = 1, method: int = 1, **members: Any
    ) -> None:
        """A calculation method of an account or a course."""
        told = {"outcome_calculation_method_id": str(method), "context_type": owner, "context_id": str(id_)}
        told |= {"calculation_method": name, "calculation_int": number}  # type: ignore[dict-item]
        await self.tell("outcome_calculation_method_updated", **(told | members))

    async def account(self, id_: int, parent: int | None) -> None:
        """An account in its place."""
        above = ... if parent is None else str(SHARD + parent)
        await self.tell("account_updated", account_id=str(SHARD + id_), root_account_id=str(SHARD + 1), parent_account_id=above)

    async def course(self, account: int, id_: int = 7) -> None:
        """A course in its place."""
        await self.tell("course_updated", course_id=str(SHARD + id_), account_id=str(SHARD + account))

    async def rollup(
        self, course: int | None = 7, at: Any = None, user: str = "ana", outcome: int = 1
    ) -> dict[str, Any] | None:
        """The rollup of ana for outcome 1 in course 7; none where there is no row."""
        row = await self.connection.fetchrow(
            "SELECT * FROM outcome_rollup_at($1, $2, $3) WHERE user_uuid = $4 AND learning_outcome_id = $5",
            TENANT,
            course,
            at,
            user,
            outcome,
        )
        return dict(row) if row else None

    async def score(self, course: int | None = 7, at: Any = None) -> str | None:
        """Its score."""
        row = await self.rollup(course, at)
        return str(row["score"]) if row else None


@pytest.fixture
async def school(database: str) -> AsyncIterator[School]:
    """An empty projection to tell."""
    connection = await connect(database)
    yield School(connection)
    await connection.close()


# What goes in


async def test_results_of_other_courses_never_mix_in(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.4)
    await school.result(2, 1.0, result_context_id="8")
    assert (await school.score(), await school.score(8)) == ("2.00", "5.00")


async def test_results_whose_course_is_unknown_roll_up_by_themselves(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.4, result_context_id=..., result_context_type=...)
    await school.result(2, 1.0, result_context_id="7", result_context_type="Account")
    assert await school.score(None) == "5.00"
    assert await school.score() is None


async def test_deleted_results_and_results_without_score_do_not_count(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.4)
    await school.result(2, 1.0, workflow_state="deleted")
    await school.result(3, 1.0, score=None)  # a cleared score keeps its old percent
    assert await school.score() == "2.00"
    rollup = await school.rollup()
    assert rollup is not None
    assert rollup["results"] == 1


async def test_no_score_is_no_row(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.4)
    await school.result(1, 0.4, score=None)
    assert await school.rollup() is None
    assert await school.score(at=school.now() - timedelta(minutes=1)) == "2.00"


@pytest.mark.parametrize("state", ["deleted", "archived", "retired", "active"])
async def test_a_deleted_outcome_is_not_shown_and_any_other_is(school: School, state: str) -> None:
    await school.result(1, 0.4)
    await school.outcome(workflow_state=state)
    assert await school.score() == (None if state == "deleted" else "2.00")


async def test_an_outcome_whose_links_in_the_course_are_all_deleted_is_not_shown(school: School) -> None:
    async def link(id_: int, state: str, course: int = 7) -> None:
        await school.tell(
            "learning_outcome_link_updated",
            learning_outcome_link_id=str(id_),
            learning_outcome_id="1",
            context_type="Course",
            context_id=str(course),
            workflow_state=state,
        )

    await school.outcome()
    await school.result(1, 0.4)
    assert await school.score() == "2.00"  # no link is known
    await link(1, "deleted", course=8)
    assert await school.score() == "2.00"  # of this course
    await link(2, "deleted")
    assert await school.score() is None
    await link(3, "active")
    assert await school.score() == "2.00"  # linked again, in another group


async def test_links_that_went_with_their_outcome_do_not_come_back_with_it(school: School) -> None:
    """Deleting an outcome deletes its links without an event; who restores it links it anew."""
    link = {"learning_outcome_id": "1", "context_type": "Course", "context_id": "7", "workflow_state": "active"}
    await school.outcome()
    await school.tell("learning_outcome_link_updated", learning_outcome_link_id="1", **link)
    await school.result(1, 0.4)
    linked = school.now()
    await school.outcome(workflow_state="deleted")
    await school.outcome()
    assert (await school.score(), await school.score(at=linked)) == (None, "2.00")
    outcomes = await school.connection.fetch(sql("gradebook_outcomes"), TENANT, 7, None, None, None, None, None)
    assert [row["hidden"] for row in outcomes] == ["unlinked"]
    await school.tell("learning_outcome_link_updated", learning_outcome_link_id="2", **link)
    assert await school.score() == "2.00"


# Values


async def test_percent_wins_over_score_and_zero_is_a_percent(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.0, score=4.0)
    assert await school.score() == "0.00"


async def test_without_percent_the_raw_score_counts(school: School) -> None:
    await school.outcome()
    await school.result(1, None, score=4.25, possible=None)
    assert await school.score() == "4.25"


async def test_where_points_possible_is_zero_percent_counts_of_the_mastery_points(school: School) -> None:
    await school.outcome(points=0, mastery=3)
    await school.result(1, 0.5)
    assert await school.score() == "1.50"


async def test_points_beyond_possible_are_not_cut_off(school: School) -> None:
    await school.outcome()
    await school.result(1, 1.2)
    rollup = await school.rollup()
    assert rollup is not None
    assert (str(rollup["score"]), rollup["rating"]) == ("6.00", "Own")


async def test_an_outcome_without_criterion_has_no_wrong_number(school: School) -> None:
    await school.result(1, 0.5)
    assert await school.rollup() is None  # never heard of
    await school.outcome(rubric_criterion=None)
    assert await school.rollup() is None


@pytest.mark.parametrize(
    "method", ["highest", "latest", "average", "decaying_average", "standard_decaying_average", "n_mastery"]
)
@pytest.mark.parametrize("number", [5e-324, -5e-324, 1e-200, 1e-99])
async def test_numbers_next_to_nothing_are_nothing(school: School, method: str, number: float) -> None:
    """Postgres refuses products that underflow, and with them the whole course; in Canvas they are 0."""
    await school.outcome(method, 1, points=number, mastery=number)
    await school.result(1, number, score=number)
    await school.result(2, None, score=number)
    await school.quiz(3, number, number)
    await school.quiz(4, number, -number)
    await school.scale(0.4, 0.3, abs(number), 0, owner="Course", id_=8)
    await school.result(5, number, result_context_id="8")
    for course in (7, 8):
        for at in (None, school.now()):
            assert await school.score(course, at) in ("0.00", None)
    assert await school.connection.fetch("SELECT * FROM course_outcome_summary")
    assert await school.connection.fetch("SELECT * FROM mastery_timeline($1, 7, 'ana', 1)", TENANT)


async def test_the_rollups_of_now_are_those_of_the_newest_moment(school: School) -> None:
    """By every method, and by the outcomes' own: from sums where these tell a score, else from the results one by one."""
    quiz: dict[str, Any] = {
        "artifact_type": "Quizzes::QuizSubmission",
        "associated_asset_type": "Quizzes::Quiz",
        "associated_asset_id": "70",
    }
    odd: list[list[dict[str, Any]]] = [
        *([{"percent": percent}] for percent in (None, -0.3, 1e-150, 1e7, 0.425)),
        [{"percent": 0.7, "associated_asset_type": "Assignment", "associated_asset_id": "5", "learning_outcome_id": "2"}],
        *([quiz | {"percent": 0.1, "possible": possible}] for possible in (0.0, 0.3)),
        *([quiz | {"percent": 0.1 * n, "possible": float(n)} for n in (1, 2, 4)[:count]] for count in (2, 3)),
        [quiz | {"percent": 0.1 * n, "possible": 0.3, "associated_asset_id": str(n)} for n in (1, 9, 4)],
        *(
            [quiz | {"percent": 0.9, "associated_asset_id": None, "assessed_at": at}]
            for at in (None, iso(NOON), iso(NOON - timedelta(days=1)))
        ),
        [{"percent": percent, "assessed_at": f"2025-03-20T13:00:00.{9 - n}00Z"} for n, percent in enumerate((0.1, 0.5, 0.3))],
        [{"percent": 0.85}, {"percent": 0.35}],
    ]
    for outcome in ("1", "2"):
        await school.outcome("latest", learning_outcome_id=outcome)
    id_ = 0
    for number, results in enumerate(odd):
        who = {"user_uuid": f"student {number}", "learning_outcome_id": results[0].get("learning_outcome_id", "1")}
        for result in ({"percent": 0.85}, {"percent": 0.35}, *results):
            id_ += 1
            await school.result(id_, **(result | who))
    await school.connection.execute(
        "INSERT INTO outcome_alignment_version (root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, "
        "workflow_state, event_time, source) VALUES ($1, 7, 2, 'Assignment', 5, 'deleted', $2, 'canvas:x')",
        TENANT,
        school.now(),
    )
    for assessment in range(1, id_, 3):
        await school.tell(
            "rubric_assessed", id=str(assessment), submitted_at=iso(NOON - assessment % 4 * timedelta(minutes=20))
        )
    of = 'SELECT * FROM outcome_rollup_at($1, 7, $2) ORDER BY user_uuid COLLATE "C"'
    of_course = ("highest", "average", "n_mastery", "decaying_average", "latest", "standard_decaying_average")
    for method in (None, *of_course):
        if method:
            await school.method(method, 1, owner="Course", id_=7)
        now = await school.connection.fetch(of, TENANT, None)
        assert len(now) == len(odd)
        assert {row["calculation_method"] for row in now} == {method or "latest"}
        assert now == await school.connection.fetch(of, TENANT, school.now())


async def test_a_long_row_of_noughts_fades_what_was_once_good(school: School) -> None:
    """A hundredth of a hundredth, and so on, is nothing at last and no error."""
    noughts = "ARRAY[4] || array_fill(0.0::float8, ARRAY[400])"
    of = f"SELECT outcomes_internal.rollup_score('standard_decaying_average', 99, {noughts}, 3)"
    assert await school.connection.fetchval(of) == 0


async def test_a_score_does_not_depend_on_how_a_session_writes_numbers(school: School) -> None:
    await school.outcome("latest", points=1)
    await school.result(1, 1.0049999999999997)
    assert await school.score() == "1.00"
    await school.connection.execute("SET extra_float_digits = 0")
    assert await school.score() == "1.00"


async def test_a_method_of_tomorrow_has_no_wrong_number(school: School) -> None:
    await school.outcome("method_of_tomorrow")
    await school.result(1, 0.5)
    assert await school.rollup() is None


# Order


async def test_a_result_is_as_old_as_its_submission_and_else_as_its_assessment(school: School) -> None:
    await school.outcome("latest")
    await school.result(1, 0.2, assessed_at=iso(NOON + timedelta(days=1)))
    await school.result(2, 0.4, assessed_at=iso(NOON + timedelta(days=2)))
    assert await school.score() == "2.00"
    await school.tell("rubric_assessed", id="2", submitted_at=iso(NOON))
    assert await school.score() == "1.00"  # the second was handed in before the first was assessed
    await school.tell("rubric_assessed", id="1", submitted_at=iso(NOON - timedelta(days=1)))
    assert await school.score() == "2.00"


async def test_only_rubric_results_have_the_time_of_a_rubric_assessment(school: School) -> None:
    await school.outcome("latest")
    await school.result(1, 0.2, assessed_at=iso(NOON + timedelta(days=1)))
    await school.quiz(2, 0.4, 5, assessed_at=iso(NOON + timedelta(days=2)))
    await school.tell("rubric_assessed", id="2", submitted_at=iso(NOON))
    assert await school.score() == "2.00"


async def test_times_are_cut_to_whole_seconds_and_ties_go_by_result_id(school: School) -> None:
    await school.outcome("latest")
    await school.result(2, 0.4, assessed_at="2025-03-20T12:00:00.100Z")
    await school.result(1, 0.2, assessed_at="2025-03-20T12:00:00.900Z")
    assert await school.score() == "2.00"


async def test_a_result_without_any_time_is_the_oldest(school: School) -> None:
    await school.outcome("latest")
    await school.result(1, 0.2)
    await school.result(9, 0.4, assessed_at=None)
    assert await school.score() == "1.00"


# Methods


async def test_an_absent_method_is_highest(school: School) -> None:
    await school.outcome(None)
    await school.results(0.2, 0.6, 0.4)
    rollup = await school.rollup()
    assert rollup is not None
    assert (str(rollup["score"]), rollup["calculation_method"], rollup["calculation_int"]) == ("3.00", "highest", None)


async def test_the_stored_decaying_average_is_the_weighted_formula(school: School) -> None:
    await school.outcome("decaying_average", 65, points=4)
    await school.results(0.2, 0.6, 0.8, 0.4)
    assert await school.score() == "1.79"


async def test_the_standard_decaying_average_decays_step_by_step(school: School) -> None:
    await school.outcome("standard_decaying_average", 65, points=4)
    await school.results(0.2, 0.6, 0.8, 0.4)
    assert await school.score() == "1.99"


async def test_one_result_is_itself_in_either_decaying_average(school: School) -> None:
    await school.results(0.5)
    for method in ("decaying_average", "weighted_average", "standard_decaying_average"):
        await school.outcome(method)
        assert await school.score() == "2.50"


@pytest.mark.parametrize(
    ("method", "number", "used"),
    [
        ("decaying_average", None, 65),
        ("decaying_average", 0, 65),
        ("decaying_average", 100, 65),
        ("weighted_average", 1, 1),
        ("standard_decaying_average", 49, 65),
        ("standard_decaying_average", 50, 50),
        ("n_mastery", None, 5),
        ("n_mastery", 11, 5),
        ("n_mastery", 10, 10),
        ("highest", 65, None),
    ],
)
async def test_a_number_that_is_absent_or_out_of_range_is_the_default(
    unchecked_database: str, method: str, number: int | None, used: int | None
) -> None:
    connection = await connect(unchecked_database)
    assert await connection.fetchval("SELECT outcomes_internal.legal_int($1, $2)", method, number) == used
    await connection.close()


async def test_n_mastery_needs_n_results_that_master_and_takes_the_mean_of_all_that_do(school: School) -> None:
    await school.outcome("n_mastery", 2)
    await school.results(0.6, 0.4)
    assert await school.rollup() is None  # two results, one of them masters
    await school.result(3, 0.8)
    await school.result(4, 1.0)
    assert await school.score() == "4.00"  # 3, 4 and 5: three count, not two


async def test_n_mastery_compares_unrounded_and_mastery_compares_rounded(school: School) -> None:
    await school.outcome("n_mastery", 1)
    await school.results(0.5999)  # 2.9995
    assert await school.rollup() is None
    await school.outcome("latest")
    rollup = await school.rollup()
    assert rollup is not None
    assert (str(rollup["score"]), rollup["mastery"]) == ("3.00", True)


# Quizzes


async def test_banks_of_one_quiz_are_merged_and_each_counts(school: School) -> None:
    await school.outcome("average", points=4)
    await school.quiz(1, 0.5, 4)
    await school.quiz(2, 1.0, 1)
    assert await school.score() == "2.40"  # (2 + 1) / 5, twice
    await school.result(3, 0.0)
    assert await school.score() == "1.60"  # two thirds of it


@pytest.mark.parametrize(("method", "number", "score"), [("highest", None, "4.00"), ("n_mastery", 1, "4.00")])
async def test_highest_and_n_mastery_take_the_banks_one_by_one(
    school: School, method: str, number: int | None, score: str
) -> None:
    await school.outcome(method, number, points=4)
    await school.quiz(1, 0.5, 4)
    await school.quiz(2, 1.0, 1)
    assert await school.score() == score


@pytest.mark.parametrize(
    "other", [{"associated_asset_id": "71"}, {"associated_asset_type": "AssessmentQuestion"}, {"artifact_type": "Submission"}]
)
async def test_only_results_of_the_same_quiz_are_merged(school: School, other: dict[str, str]) -> None:
    await school.outcome("average", points=4)
    await school.quiz(1, 0.5, 4)
    await school.quiz(2, 1.0, 1, **other)
    assert await school.score() == "3.00"


async def test_a_quiz_on_a_scale_of_no_points_counts_of_the_mastery_points(school: School) -> None:
    await school.outcome("average", points=0, mastery=3)
    await school.quiz(1, 0.5, 4)
    await school.quiz(2, 1.0, 1)
    assert await school.score() == "1.80"


async def test_a_quiz_without_possible_points_is_not_merged(school: School) -> None:
    await school.outcome("average", points=4)
    await school.quiz(1, 0.5, 0)
    await school.quiz(2, 1.0, 0)
    assert await school.score() == "3.00"


# Levels and summaries


@pytest.mark.parametrize(
    ("percent", "rating", "color", "mastery"),
    [
        (1.5, "Exceeds", "000000", True),
        (0.75, "Mastery", "000001", True),
        (0.7475, "Near", "000002", False),
        (0.24, None, None, False),
    ],
)
async def test_the_level_is_the_first_rating_that_the_score_reaches(
    school: School, percent: float, rating: str | None, color: str | None, mastery: bool
) -> None:
    """Above the top is the top; below the lowest is no level."""
    await school.outcome()
    await school.scale(4, 3, 1)
    await school.result(1, percent)
    rollup = await school.rollup()
    assert rollup is not None
    assert (rollup["rating"], rollup["color"], rollup["mastery"]) == (rating, color, mastery)
    assert (rollup["points_possible"], rollup["mastery_points"]) == (4, 3)


async def test_a_course_is_summed_up_over_its_students_scores(school: School) -> None:
    """Mean rounded, median not, whole percents that need not sum to 100; who has no score is left out."""
    await school.outcome("latest")
    await school.scale(4, 3, 0)
    for id_, (student, percent) in enumerate((("ana", 1.0), ("ana", 0.8), ("bo", 0.25), ("chi", 0.26), ("dee", 0.77)), start=1):
        await school.result(id_, percent, user_uuid=student)
    await school.result(6, 0.5, user_uuid="eve", score=None)
    await school.result(7, 0.5, user_uuid="fay", learning_outcome_id="2")
    row = await school.connection.fetchrow(
        "SELECT * FROM course_outcome_summary WHERE course_id = 7 AND learning_outcome_id = 1"
    )
    assert row is not None
    assert (row["mean"], row["median"]) == (Decimal("2.08"), Decimal("2.06"))  # of 3.2, 1, 1.04 and 3.08
    assert (row["students"], row["assessed"], row["mastered"]) == (5, 4, 2)
    levels = await school.connection.fetch(
        "SELECT l ->> 'description', (l ->> 'count')::int, (l ->> 'percent')::int FROM jsonb_array_elements($1::jsonb) l",
        row["levels"],
    )
    assert [tuple(level) for level in levels] == [("Exceeds", 0, 0), ("Mastery", 2, 50), ("Near", 2, 50)]


async def test_level_percentages_are_rounded_each_for_itself(school: School) -> None:
    await school.outcome()
    await school.scale(4, 3, 0)
    for id_, percent in enumerate((1.0, 0.8, 0.1), start=1):
        await school.result(id_, percent, user_uuid=f"student {id_}")
    levels = await school.connection.fetchval(
        "SELECT array_agg((l ->> 'percent')::int) FROM course_outcome_summary, jsonb_array_elements(levels) l"
    )
    assert levels == [33, 33, 33]


async def test_level_percentages_are_of_those_who_stand_on_a_level(school: School) -> None:
    """As Canvas counts (`result_analytics.rb`, `rating_percents`): who is below the lowest level is not among them."""
    await school.outcome()
    await school.scale(4, 3, 2)
    for id_, percent in enumerate((1.0, 0.75, 0.1, 0.1), start=1):
        await school.result(id_, percent, user_uuid=f"student {id_}")
    query = "SELECT array_agg((l ->> 'percent')::int) FROM course_outcome_summary, jsonb_array_elements(levels) l"
    assert await school.connection.fetchval(query) == [50, 50, 0]
    for id_ in (1, 2):
        await school.result(id_, 0.1, user_uuid=f"student {id_}")
    assert await school.connection.fetchval(query) == [0, 0, 0]


# Which scale, which method


async def test_ratings_that_are_deleted_belong_to_no_scale(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.6)
    rating = {"description": "Gone", "color": "000000", "mastery": True, "workflow_state": "deleted"}
    left = [
        {"description": "Top", "color": "000001", "points": 5, "mastery": False, "workflow_state": "active"},
        {"description": "Meets", "color": "000002", "points": 4, "mastery": True, "workflow_state": "active"},
    ]
    told = {"outcome_proficiency_id": "1", "context_type": "Account", "context_id": "1"}
    ratings = [*left, rating | {"points": 1}, rating | {"points": 10}]
    await school.tell("outcome_proficiency_updated", outcome_proficiency_ratings=ratings, **told)
    rollup = await school.rollup()
    assert rollup is not None
    assert (str(rollup["score"]), rollup["mastery"], rollup["points_possible"], rollup["mastery_points"]) == (
        "3.00",
        False,
        5,
        4,
    )


async def test_the_nearest_scale_counts_from_the_course_upwards(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.5)
    await school.account(1, None)
    await school.account(2, 1)
    await school.account(3, 2)
    await school.course(3)
    assert await school.score() == "2.50"  # the outcome's own 5 points
    await school.scale(8, 4, 0, id_=1, scale=1)
    assert await school.score() == "4.00"
    await school.scale(6, 4, 0, id_=2, scale=2)
    assert await school.score() == "3.00"
    await school.scale(20, 4, 0, owner="Course", id_=7, scale=3)
    assert await school.score() == "10.00"


async def test_a_deleted_scale_is_skipped_as_if_absent(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.5)
    await school.scale(8, 4, 0, id_=1, scale=1)
    await school.course(1)
    await school.scale(20, 4, 0, owner="Course", id_=7, scale=3)
    await school.scale(20, 4, 0, owner="Course", id_=7, scale=3, workflow_state="deleted")
    assert await school.score() == "4.00"
    await school.scale(30, 4, 0, owner="Course", id_=7, scale=3)
    assert await school.score() == "15.00"  # revived under its old id


async def test_the_method_is_resolved_by_the_same_rule_independently(school: School) -> None:
    await school.outcome()
    await school.results(0.2, 0.6, 0.4)
    await school.course(1)
    await school.scale(10, 7, 0, id_=1)
    assert await school.score() == "6.00"  # the account's scale, the outcome's own method
    await school.method("latest", owner="Course", id_=7)
    assert await school.score() == "4.00"
    await school.method("latest", owner="Course", id_=7, workflow_state="deleted")
    await school.method("average", method=2, id_=1)
    rollup = await school.rollup()
    assert rollup is not None
    assert (str(rollup["score"]), rollup["calculation_method"]) == ("4.00", "average")


async def test_ids_of_courses_and_accounts_overlap_and_are_not_mixed_up(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.5)
    await school.course(1)
    await school.scale(20, 4, 0, owner="Account", id_=7)
    await school.account(1, None)
    assert await school.score() == "2.50"


async def test_the_same_results_on_another_scale_are_another_score(school: School) -> None:
    await school.outcome("average", points=4)
    await school.results(0.2, 0.6, 0.8, 0.4)
    assert await school.score() == "2.00"
    before = school.now()
    await school.scale(10, 7, 0)
    assert await school.score() == "5.00"
    assert await school.score(at=before) == "2.00"


async def test_moving_an_account_changes_what_its_courses_inherit(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.5)
    for id_, parent in ((1, None), (2, 1), (3, 1), (4, 2)):
        await school.account(id_, parent)
    await school.course(4)
    await school.scale(8, 4, 0, id_=2, scale=2)
    await school.scale(6, 4, 0, id_=3, scale=3)
    assert await school.score() == "4.00"
    before = school.now()
    await school.account(4, 3)
    assert (await school.score(), await school.score(at=before)) == ("3.00", "4.00")


async def test_moving_a_course_changes_what_it_inherits(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.5)
    await school.scale(8, 4, 0, id_=2, scale=2)
    await school.scale(6, 4, 0, id_=3, scale=3)
    await school.course(2)
    assert await school.score() == "4.00"
    await school.course(3)
    assert await school.score() == "3.00"


async def test_a_circle_of_accounts_ends(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.5)
    await school.account(2, 3)
    await school.account(3, 2)
    await school.course(3)
    await school.scale(8, 4, 0, id_=1)
    assert await school.score() == "4.00"  # of the root, which both of them name


async def test_a_course_that_nobody_told_about_has_the_account_of_the_metadata_and_else_the_root(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.5)
    await school.account(1, None)
    await school.account(2, 1)
    await school.scale(8, 4, 0, id_=1, scale=1)
    await school.scale(6, 4, 0, id_=2, scale=2)
    assert await school.score() == "4.00"
    hint = event("learning_outcome_group_updated", at=school.now() + timedelta(minutes=1))
    hint["metadata"] |= {"context_type": "Course", "context_id": str(SHARD + 7), "context_account_id": str(SHARD + 2)}
    await write(school.connection, hint, partition=Partition("hints", 0))
    assert (await school.score(), await school.score(at=school.now())) == ("3.00", "4.00")


@pytest.mark.parametrize("id_", ["9990000000000000000", "99999999999999999999", "x", "-1", "0"])
async def test_a_hint_that_is_no_id_is_none(school: School, id_: str) -> None:
    """Of 64 bits; in whatever member of the metadata."""
    await school.outcome()
    await school.result(1, 0.5)
    hint = event("learning_outcome_group_updated", at=school.now() + timedelta(minutes=1))
    hint["metadata"] |= {
        "context_type": "Course",
        "context_id": str(SHARD + 7),
        "context_account_id": id_,
        "root_account_id": id_,
    }
    await write(school.connection, hint, partition=Partition("hints", 0))
    await school.scale(8, 4, 0)
    assert await school.score() == "4.00"
    hint["metadata"] |= {"context_id": id_, "event_time": iso(school.now() + timedelta(minutes=2))}
    await write(school.connection, hint, partition=Partition("hints", 1))
    assert await school.score() == "4.00"


@pytest.mark.parametrize(("switch", "score"), [("off", "2.50"), ("on", "4.00"), ("auto", "4.00"), (None, "4.00")])
async def test_account_level_scales_count_where_the_tenant_has_them(school: School, switch: str | None, score: str) -> None:
    await school.outcome()
    await school.result(1, 0.5)
    await school.scale(8, 4, 0)
    if switch:
        await school.connection.execute(
            "INSERT INTO tenant_setting VALUES ($1, 'account_level_mastery_scales', $2)", TENANT, switch
        )
    assert await school.score() == score


# Over time


async def test_rollups_depend_on_the_set_of_events_alone(school: School, another_database: str) -> None:
    """Told in another order, with repetitions: the same rollups, then and now, and the same timeline."""
    await school.outcome("decaying_average")
    await school.account(1, None)
    await school.course(1)
    await school.results(0.2, 0.6)
    await school.scale(10, 7, 0)
    await school.result(1, 0.9)
    await school.method("latest")
    await school.tell("rubric_assessed", id="1", submitted_at=iso(NOON + timedelta(days=9)))
    await school.scale(4, 3, 0)
    shuffled = [*school.told, *school.told[::2]]
    random.Random(3).shuffle(shuffled)
    await write(another_database, *shuffled)
    other = School(await connect(another_database))
    question = "SELECT at, score, rating, cause FROM mastery_timeline($1, 7, 'ana', 1)"
    told = [tuple(row) for row in await school.connection.fetch(question, TENANT)]
    assert told == [tuple(row) for row in await other.connection.fetch(question, TENANT)]
    assert [row[3] for row in told] == [
        "new result",
        "new result",
        "account-level scales seen, scale",
        "regrade",
        "calculation method",
        "submission time",
        "scale",
    ]
    for minute in range(12):
        at = NOON + timedelta(minutes=minute)
        assert await school.rollup(at=at) == await other.rollup(at=at)
    await other.connection.close()


async def _causes(school: School, student: str, outcome: int = 1, course: int | None = 7) -> list[tuple[str, str]]:
    question = "SELECT coalesce(score::text, 'none'), cause FROM mastery_timeline($1, $2, $3, $4)"
    return [tuple(row) for row in await school.connection.fetch(question, TENANT, course, student, outcome)]


async def test_a_result_that_is_another_students_now_is_told_as_that_and_not_as_a_regrade(school: School) -> None:
    """To both students, there and back; what happens to it meanwhile is nothing to the one who had it before."""
    await school.outcome("latest")
    await school.result(1, 0.2)
    await school.result(1, 0.4, user_uuid="bo")
    await school.result(1, 0.6, user_uuid="bo")
    await school.result(1, 0.6, user_uuid="bo", workflow_state="deleted")
    await school.result(1, 0.6, user_uuid="bo")
    await school.result(1, 0.8)
    await school.result(1, 1.0)
    assert await _causes(school, "ana") == [
        ("1.00", "new result"),
        ("none", "student changed"),
        ("4.00", "student changed"),
        ("5.00", "regrade"),
    ]
    assert await _causes(school, "bo") == [
        ("2.00", "student changed"),
        ("3.00", "regrade"),
        ("none", "result deleted"),
        ("3.00", "result restored"),
        ("none", "student changed"),
    ]


async def test_what_happens_to_a_result_that_is_elsewhere_now_is_no_cause_here(school: School) -> None:
    """Not even at the moment of a change that has another cause."""
    await school.outcome("latest")
    await school.result(1, 0.2)
    await school.result(2, 0.4)
    await school.result(2, 0.4, user_uuid="bo")
    school._minute += 1
    regrades = [("1", "ana", 3.0), ("2", "bo", 5.0)]
    told: dict[str, Any] = {
        "learning_outcome_id": "1",
        "result_context_type": "Course",
        "result_context_id": "7",
        "possible": 5.0,
    }
    await write(
        school.connection,
        *(
            event("learning_outcome_result_updated", at=school.now(), id=id_, user_uuid=user, score=score, **told)
            for id_, user, score in regrades
        ),
    )
    *_, (at, caused_by) = await school.connection.fetch("SELECT at, caused_by FROM mastery_timeline($1, 7, 'ana', 1)", TENANT)
    assert (at, [one["id"] for one in json.loads(caused_by)]) == (school.now(), [1])


async def test_a_result_that_goes_to_another_course_or_outcome_is_told_as_moved(school: School) -> None:
    """From both sides."""
    await school.outcome("latest")
    await school.tell("learning_outcome_updated", learning_outcome_id="2", title="Two", calculation_method="latest")
    await school.result(1, 0.2)
    await school.result(1, 0.2, learning_outcome_id="2")
    await school.result(1, 0.2, learning_outcome_id="2", result_context_id="8")
    assert await _causes(school, "ana") == [("1.00", "new result"), ("none", "result moved")]
    assert await _causes(school, "ana", 2) == [("1.00", "result moved"), ("none", "result moved")]
    assert await _causes(school, "ana", 2, 8) == [("1.00", "result moved")]


async def test_a_student_whom_rest_named_by_id_and_the_feed_by_uuid_is_told_as_known_now(school: School) -> None:
    """It is the same student, under another name."""
    await school.outcome("latest")
    await school.result(1, 0.2, user_uuid="id:501")
    await school.result(1, 0.2)
    assert await _causes(school, "ana") == [("1.00", "student known")]
    assert await _causes(school, "id:501") == [("1.00", "new result"), ("none", "student known")]


async def test_known_at_asks_what_was_known_then(school: School) -> None:
    """A regrade that arrived late changes what was true then, not what was known then."""
    await school.outcome("latest")
    await school.result(1, 0.2)
    known = await school.connection.fetchval("SELECT max(recorded_at) FROM learning_outcome_result_version")
    await school.result(1, 0.8)
    moment = school.now()
    question = "SELECT score FROM outcome_rollup_at($1, 7, $2, $3)"
    assert await school.connection.fetchval(question, TENANT, moment, known) == Decimal("1.00")
    assert await school.connection.fetchval(question, TENANT, moment, None) == Decimal("4.00")


async def test_the_reader_may_ask_everything_about_mastery(school: School) -> None:
    await school.outcome()
    await school.result(1, 0.5)
    await school.connection.execute("SET ROLE outcomes_reader")
    for question in (
        "SELECT count(*) FROM outcome_rollup",
        "SELECT count(*) FROM course_outcome_summary",
        f"SELECT count(*) FROM outcome_rollup_at('{TENANT}', 7, now(), now())",
        f"SELECT count(*) FROM mastery_timeline('{TENANT}', 7, 'ana', 1)",
        f"SELECT count(*) FROM rollup_input('{TENANT}', 7, 'ana', 1)",
    ):
        assert await school.connection.fetchval(question) == 1
    assert await school.connection.fetchval(f"SELECT count(*) FROM mastery_scale('{TENANT}', 'Course', 7)") == 0


async def test_a_course_and_a_student_that_nobody_knows_are_nothing(school: School) -> None:
    await school.outcome()
    assert await school.connection.fetch("SELECT * FROM outcome_rollup_at($1, 1, NULL)", TENANT) == []
    assert await school.connection.fetch("SELECT * FROM mastery_timeline($1, 1, 'nobody', 1)", TENANT) == []
    assert await school.connection.fetch("SELECT * FROM course_outcome_summary WHERE course_id = 1") == []


async def test_only_courses_and_accounts_have_a_scale(school: School) -> None:
    await school.account(1, None)
    await school.scale(8, 4, 0)
    for kind, levels in (("Account", 3), ("Course", 3), ("course", 0), ("Planet", 0)):
        assert await school.connection.fetchval("SELECT count(*) FROM mastery_scale($1, $2, 1)", TENANT, kind) == levels
