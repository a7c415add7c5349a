"""What gradebook, scale, timeline and explain rollup tell."""

import csv
import io
import json
import random
import re
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from rich.console import Console, RenderableType

from consumer.errors import UsageError
from consumer.query import gradebook, gradebook_csv, gradebook_view, rollup, scale, timeline
from consumer.store import tenant_setting
from consumer.store.postgres import Connection, connect
from tests import reference_math, samples
from tests.postgres.test_mastery import told
from tests.postgres.writing import write
from tests.samples import NOON, TENANT, Event, event, result
from tests.worlds import COURSES, METHODS, OUTCOMES, STUDENTS, World

ANA, BO, CHI = "ana-0123456789012345678901234567890123456", "bo-01234567890123456789012345678901234567", "chi"
EVIL = "\x1b[2Jevil\x9b"


def minutes(number: int) -> datetime:
    """After noon."""
    return NOON + timedelta(minutes=number)


def outcome(
    id_: int, title: str, *, minute: int = 0, method: str = "highest", number: int | None = None, **members: Any
) -> Event:
    """An outcome of 5 points, mastery from 3."""
    ratings = [{"description": name, "points": points} for name, points in (("Exceeds", 5), ("Meets", 3), ("Below", 0))]
    criterion = {"description": title, "points_possible": 5, "mastery_points": 3, "ratings": ratings}
    return event(
        "learning_outcome_updated",
        at=minutes(minute),
        learning_outcome_id=str(id_),
        title=title,
        calculation_method=method,
        calculation_int=number,
        rubric_criterion=criterion,
        **{"display_name": None} | members,
    )


def worked(id_: int, student: str, of: int, percent: float, *, minute: int = 1, course: str = "7", **members: Any) -> Event:
    """A result in course 7, of 5 points."""
    told_: dict[str, Any] = {
        "user_uuid": student,
        "learning_outcome_id": str(of),
        "result_context_id": course,
        "percent": percent,
        "score": percent * 5,
        "possible": 5,
        "artifact_type": "Submission",
        "assessed_at": samples.iso(minutes(minute)),
    }
    return result(id_, minute=minute, **told_ | members)


def account(id_: int, parent: int | None) -> Event:
    """An account; the root is 1."""
    shard = 2107 * 10**13
    return event(
        "account_updated",
        at=NOON,
        account_id=str(shard + id_),
        root_account_id=str(shard + 1),
        parent_account_id=... if parent is None else str(shard + parent),
    )


def course(id_: int, of: int, minute: int = 0) -> Event:
    """A course in an account."""
    shard = 2107 * 10**13
    return event("course_updated", at=minutes(minute), course_id=str(shard + id_), account_id=str(shard + of))


def uuids(found: gradebook.Gradebook) -> set[str]:
    """Of the students in it."""
    return {student.key for student in found.students}


def text(renderable: RenderableType, width: int = 200) -> str:
    """As a person sees it."""
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """To a class of three, of whom one is not yet assessed in the first outcome, and one only by a deleted result."""
    await write(
        database,
        outcome(1, "Reading"),
        outcome(2, "A first title", minute=0),
        outcome(2, "Writing [b]", minute=30, display_name="Pen"),
        worked(1, ANA, 1, 1.0),
        worked(2, ANA, 2, 0.2),
        worked(3, BO, 2, 0.6, minute=2),
        worked(4, CHI, 2, 0.8, minute=3),
        worked(4, CHI, 2, 0.8, minute=40, workflow_state="deleted"),
        worked(5, ANA, 9, 0.5, minute=50),
        worked(6, BO, 1, 0.5, course="8", minute=50),
    )
    opened = await connect(database)
    yield opened
    await opened.close()


async def test_the_gradebook_has_all_students_and_outcomes_of_the_course(connection: Connection) -> None:
    """Sorted, the not yet assessed too; an outcome that no event has told has no title."""
    found = await gradebook.gradebook(connection, 7, None, None, None)
    assert uuids(found) == {ANA, BO, CHI}
    assert [row["learning_outcome_id"] for row in found.outcomes] == [1, 2, 9]
    assert {key: float(cell["score"]) for key, cell in found.cells.items()} == {(ANA, 1): 5.0, (ANA, 2): 1.0, (BO, 2): 3.0}
    data = orjson.loads(orjson.dumps(found.as_json()))
    assert [len(student["cells"]) for student in data["students"]] == [3, 3, 3]
    assert [student["cells"][1]["score"] for student in data["students"] if student["user_uuid"] == CHI] == [None]
    writing = data["outcomes"][1]["summary"]
    assert (writing["mean"], writing["median"], writing["assessed"], writing["not_yet_assessed"]) == (2.0, 2.0, 2, 1)
    assert [(level["description"], level["count"]) for level in writing["levels"]] == [
        ("Exceeds", 0),
        ("Meets", 1),
        ("Below", 1),
    ]
    assert data["outcomes"][2]["summary"] == {
        "mean": None, "median": None, "assessed": 0, "mastered": 0, "levels": [], "not_yet_assessed": 3
    }  # fmt: skip
    assert (data["scale"], data["method"]) == (None, None)


async def test_the_gradebook_is_as_it_was_and_as_was_known(connection: Connection) -> None:
    """Titles and students too."""
    found = await gradebook.gradebook(connection, 7, TENANT, minutes(2), None)
    assert [row["title"] for row in found.outcomes] == ["A first title", "Reading"]
    assert uuids(found) == {ANA, BO}
    later = await gradebook.gradebook(connection, 7, TENANT, minutes(3), None)
    assert (CHI, 2) in later.cells
    unknown = await gradebook.gradebook(connection, 7, TENANT, None, NOON)
    assert (unknown.students, unknown.outcomes) == ((), ())
    assert "no student and no outcome is known here at that moment" in text(gradebook_view.render(unknown))


async def test_people_see_scores_levels_and_distribution(connection: Connection) -> None:
    """With the mean and median, and who is not yet assessed."""
    found = await gradebook.gradebook(connection, 7, None, None, None)
    lines = text(gradebook_view.render(found)).splitlines()
    pseudonyms = {student.key: student.person.pseudonym for student in found.students}
    rows = {" ".join(line.split()[:2]): line.split()[2:] for line in lines}
    assert rows[pseudonyms[ANA]] == ["5.00", "E*", "1.00", "B", "–"]
    assert rows[pseudonyms[CHI]] == ["–", "–", "–"]
    assert next(line.split()[1:] for line in lines if line.startswith("mean")) == ["5.00", "2.00", "–"]
    shown = "\n".join(line.rstrip() for line in lines)
    assert "2 Writing [b] (Pen) · outcome 2" in shown
    assert "2 assessed · 1 mastered · 1 not yet assessed" in shown
    assert "scale: the outcomes' own, mastery from 3 of 5" in shown
    assert "1 · 50 %" in shown


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("Exceeds", "Mastery", "Near"), ["E", "M", "N"]),
        (("Exceeds", "Exemplary", "Near"), ["Exc", "Exe", "Nea"]),
        (("Level A", "Level B"), ["L2", "L1"]),
        (("Met", None), ["M"]),
    ],
)
def test_levels_are_told_apart_by_as_few_letters_as_it_takes(names: tuple[str | None, ...], shown: list[str]) -> None:
    """Up to four; where those are the same, by their points."""
    levels = [{"description": name, "points": len(names) - index} for index, name in enumerate(names)]
    assert list(gradebook_view._initials(levels).values()) == shown


async def test_csv_has_a_row_for_each_student_and_outcome(connection: Connection) -> None:
    """Empty where there is no score."""
    found = await gradebook.gradebook(connection, 7, None, None, None)
    rows = list(csv.DictReader(io.StringIO(gradebook_csv.as_csv(found))))
    assert len(rows) == 9
    assert tuple(rows[0]) == gradebook_csv.COLUMNS
    ana = next(student for student in found.students if student.key == ANA)
    assert next(row for row in rows if row["user_uuid"] == ANA) == {
        "root_account_uuid": TENANT, "course_id": "7", "user_uuid": ANA, "learning_outcome_id": "1", "title": "Reading",
        "score": "5.00", "mastery": "true", "rating": "Exceeds", "color": "", "calculation_method": "highest",
        "calculation_int": "", "points_possible": "5", "mastery_points": "3", "results": "1",
        "last_assessed_at": "2025-03-20T12:01:00Z", "student_name": "", "student_pseudonym": ana.person.pseudonym,
        "user_id": "", "section_names": "", "enrollment_states": "", "standing": "unknown", "test_student": "false",
        "outcome_path": "Reading",
    }  # fmt: skip
    assert [row["score"] for row in rows if row["user_uuid"] == CHI] == ["", "", ""]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Reading", "Reading"),
        ("a-b = c; d", "a-b = c; d"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        (" \u00a0=1", "' \u00a0=1"),
        ('"=1', "'\"=1"),
        ("\u201c=1", "'\u201c=1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("\uff1dcmd", "'\uff1dcmd"),
        ("\uff0b1", "'\uff0b1"),
        ("a;=1", "a;'=1"),
        ("a\n @x", "a\n' @x"),
        ("", ""),
    ],
)
def test_a_text_in_the_csv_is_no_formula_to_a_spreadsheet(text: str, written: str) -> None:
    """An apostrophe stands before what a spreadsheet would run, also behind blanks, quotes and where a new cell may begin."""
    assert gradebook_csv.as_text(text) == written


def test_a_long_text_for_the_csv_takes_no_long_time() -> None:
    """However many blanks and separators it has: the time grows with its length and not with the square of it."""
    begun = time.process_time()
    gradebook_csv.as_text("\t" * 2_000_000)
    gradebook_csv.as_text("; " * 1_000_000)
    assert time.process_time() - begun < 10


async def test_formulas_of_strangers_are_texts_in_the_csv_and_numbers_stay_numbers(database: str) -> None:
    """Titles, students and levels come from Canvas' users; a negative score is no formula."""
    title, student = "=HYPERLINK(A1)", "@student"
    await write(database, outcome(1, title), worked(1, student, 1, -0.5))
    opened = await connect(database)
    found = await gradebook.gradebook(opened, 7, None, None, None)
    await opened.close()
    (row,) = csv.DictReader(io.StringIO(gradebook_csv.as_csv(found)))
    assert (row["title"], row["user_uuid"], row["score"]) == ("'=HYPERLINK(A1)", "'@student", "-2.50")


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_a_wide_gradebook_is_read_in_pages(database: str, width: int) -> None:
    """No line is too long, and every student stands in every page."""
    titles = [f"Outcome of a long name, number {number}" for number in range(12)]
    await write(
        database,
        *(outcome(number + 1, title) for number, title in enumerate(titles)),
        *(worked(number * 2 + 1, ANA, number + 1, 0.5) for number in range(12)),
        *(worked(number * 2 + 2, BO, number + 1, 0.5) for number in range(12)),
    )
    opened = await connect(database)
    found = await gradebook.gradebook(opened, 7, None, None, None)
    await opened.close()
    shown = text(gradebook_view.render(found), width)
    assert max(map(len, shown.splitlines())) <= width
    pages = shown.count("\nmean ")
    assert 1 < pages <= 6
    assert [shown.count(f"\n{student.person.pseudonym} ") for student in found.students] == [pages, pages]
    assert all(title in " ".join(shown.split()) for title in titles)


async def test_nothing_out_of_an_event_reaches_a_terminal_as_a_command(database: str) -> None:
    """Names of outcomes and levels, students, colours."""
    levels = samples.scale(4, 3, 0, context_type="Course", context_id="7")
    for rating in levels["body"]["outcome_proficiency_ratings"]:
        rating |= {"description": EVIL, "color": EVIL}
    await write(
        database, levels, outcome(1, EVIL, display_name=EVIL), worked(1, EVIL, 1, 0.5), worked(2, EVIL, 1, 0.7, minute=2)
    )
    opened = await connect(database)
    pages = [
        text(gradebook_view.render(await gradebook.gradebook(opened, 7, None, None, None))),
        text(scale.render(await scale.effective(opened, ("Course", 7), None, None))),
        text(timeline.render(await timeline.timeline(opened, 7, EVIL, 1, None))),
        text(rollup.render(await rollup.rollup(opened, 7, EVIL, 1, None, None))),
    ]
    await opened.close()
    for page in pages:
        assert r"\x1b[2Jevil\x9b" in page
        assert not set(page) & {"\x1b", "\x9b"}


async def test_a_course_without_results_is_empty_and_one_that_nobody_knows_is_refused(database: str) -> None:
    """Also results whose course is unknown."""
    await write(database, course(9, 3), worked(1, ANA, 1, 0.5, course="7"))
    opened = await connect(database)
    for asked in (9, None):
        found = await gradebook.gradebook(opened, asked, None, None, None)
        assert "no student and no outcome is known here so far" in text(gradebook_view.render(found))
    with pytest.raises(UsageError, match=f"course 10 is not known of {TENANT}: no result, no course event"):
        await gradebook.gradebook(opened, 10, None, None, None)
    await write(database, worked(2, BO, 1, 0.5, result_context_id=..., result_context_type=...))
    assert (await gradebook.gradebook(opened, None, None, None, None)).students[0].key == BO
    await opened.close()


@pytest.mark.parametrize("seed", range(200, 208))
async def test_what_applies_to_an_outcome_is_what_its_rollups_were_computed_with(unchecked_database: str, seed: int) -> None:
    """In worlds of chance, now and at a moment; whoever has a score is in the gradebook, and nothing hidden is."""
    world = World(seed, size=120)
    reference = await told(unchecked_database, world, None)
    opened = await connect(unchecked_database)
    compared = 0
    for at in (None, minutes(60 * 24 * 60)):
        for place in (*COURSES, None):
            rollups = reference.rollups(world.tenant, place, at)
            try:
                found = await gradebook.gradebook(opened, place, world.tenant, at, None)
            except UsageError:
                assert not rollups
                continue
            assert {key: cell["score"] for key, cell in found.cells.items()} == {key: one.score for key, one in rollups.items()}
            shown = {row["learning_outcome_id"]: row for row in found.outcomes}
            assert set(found.cells) <= {(student, id_) for student in uuids(found) for id_ in shown}
            for (student, id_), expected in rollups.items():
                rule = ("calculation_method", "calculation_int", "points_possible", "mastery_points")
                assert tuple(shown[id_][name] for name in rule) == tuple(getattr(expected, name) for name in rule)
                compared += 1
                assert student in uuids(found)
            for summary_of, expected_summary in reference.summaries(world.tenant, place, at).items():
                assert (shown[summary_of]["mean"], shown[summary_of]["median"]) == expected_summary[:2]
    assert compared
    await opened.close()


@pytest.mark.parametrize("seed", range(300, 304))
async def test_every_explanation_of_a_world_holds(unchecked_database: str, seed: int) -> None:
    """A score has a formula that evaluates to it; no score has a sentence that says why."""
    world = World(seed, size=120)
    reference = await told(unchecked_database, world, None)
    opened = await connect(unchecked_database)
    explained = 0
    for place in (*COURSES, None):
        rollups = reference.rollups(world.tenant, place, None)
        for student in STUDENTS:
            for id_ in OUTCOMES:
                expected = rollups.get((student, id_))
                try:
                    found = await rollup.rollup(opened, place, student, id_, world.tenant, None)
                except UsageError:
                    assert expected is None
                    continue
                assert found.score == (expected.score if expected else None)
                if found.formula is None:
                    assert (rollup.why(found) or "").startswith("No score: ")
                else:
                    assert_evaluates(found.formula, found.score)
                text(rollup.render(found), 60)
                json.dumps(found.as_json(), default=str)
                explained += 1
    assert explained
    await opened.close()


def assert_evaluates(formula: str, score: Decimal | None) -> None:
    """What is written comes to what is shown, and that is the score; means and the end as Ruby reckons."""
    steps = formula.split(" = ")
    means = re.sub(r"\(([^()×]+)\) / ", lambda sum_: f"total([{sum_[1].replace(' + ', ', ')}]) / ", steps[0].split(" -> ")[0])
    value = eval(means.replace("×", "*"), {"total": reference_math.total, "max": max})  # noqa: S307 - numbers and signs of our own
    assert reference_math.rounded(float(value)) == score, formula
    assert Decimal(formula.rsplit(" -> " if " -> " in formula else " = ", maxsplit=1)[-1]) == score, formula


async def test_the_written_formula_evaluates_to_the_score_of_the_database(unchecked_database: str) -> None:
    """Thousands of values on and off the halves, for each method."""
    chance = random.Random(3)
    cases = [
        (
            method,
            chance.choice((1, 2, 5, 50, 65, 80, 90, 99)),
            [
                chance.choice(
                    (chance.randrange(21) / 20, round(chance.random(), 4), chance.randrange(-4, 9) / 8, chance.random())
                )
                * chance.choice((3.0, 4.0, 5.0, 10.0, 1e-7, 1e9))
                for _ in range(chance.choice((1, 2, 3, 4, 7, 12)))
            ],
            chance.choice((0.0, 0.5, 3.0)),
        )
        for method in METHODS[:-1]
        for _ in range(700)
    ]
    opened = await connect(unchecked_database)
    rows = await opened.fetch(
        "SELECT outcomes_internal.rollup_score(c ->> 0, (c ->> 1)::integer, "
        "ARRAY(SELECT v::float8 FROM jsonb_array_elements_text(c -> 2) WITH ORDINALITY e (v, n) ORDER BY n), "
        "(c ->> 3)::float8), outcomes_internal.legal_int(c ->> 0, (c ->> 1)::integer) "
        "FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY a (c, n) ORDER BY n",
        json.dumps(cases),
    )
    await opened.close()
    tried = 0
    for (method, _, values, mastery_points), (score, number) in zip(cases, rows, strict=True):
        if score is not None:
            assert_evaluates(rollup.written(method, number, values, mastery_points, score), score)
            tried += 1
    assert tried > 4000


@pytest.mark.parametrize(
    ("method", "number", "formula"),
    [
        ("highest", None, "max(0.8, 2.4, 3.2, 1.6) = 3.2"),
        ("latest", None, "1.6"),
        ("average", None, "(0.8 + 2.4 + 3.2 + 1.6) / 4 = 2"),
        ("n_mastery", 1, "3.2"),
        ("decaying_average", 65, "0.65 × 1.6 + 0.35 × ((0.8 + 2.4 + 3.2) / 3) = 1.7867 -> 1.79"),
        ("weighted_average", 90, "0.9 × 1.6 + 0.1 × ((0.8 + 2.4 + 3.2) / 3) = 1.6533 -> 1.65"),
        (
            "standard_decaying_average",
            65,
            "0.35 × (0.35 × (0.35 × 0.8 + 0.65 × 2.4) + 0.65 × 3.2) + 0.65 × 1.6 = 1.9934 -> 1.99",
        ),
    ],
)
async def test_the_worked_example_is_written_with_short_numbers(
    unchecked_database: str, method: str, number: int | None, formula: str
) -> None:
    """0.6 x 4 is 2.4, whatever doubles make of it."""
    values = [0.2 * 4, 0.6 * 4, 0.8 * 4, 0.4 * 4]
    opened = await connect(unchecked_database)
    score = await opened.fetchval("SELECT outcomes_internal.rollup_score($1, $2, $3, 3)", method, number, values)
    await opened.close()
    assert rollup.written(method, number, values, 3, score) == formula


async def test_an_explanation_shows_results_quiz_rule_scale_and_level(database: str) -> None:
    """Of n_mastery: which count, and why there is none."""
    quiz = {"artifact_type": "Quizzes::QuizSubmission", "associated_asset_type": "Quizzes::Quiz", "associated_asset_id": "4"}
    await write(
        database,
        outcome(1, "Reading", method="n_mastery", number=2),
        outcome(2, "Writing", method="average"),
        worked(1, ANA, 1, 0.8),
        worked(2, ANA, 1, 0.2, minute=2),
        worked(3, ANA, 1, 1.0, minute=3),
        worked(4, ANA, 2, 0.5, minute=3, **quiz),
        worked(5, ANA, 2, 1.0, minute=3, **quiz),
        outcome(3, "Gone", workflow_state="deleted"),
        worked(6, ANA, 3, 1.0),
    )
    opened = await connect(database)
    shown = text(rollup.render(await rollup.rollup(opened, 7, ANA, 1, None, None)))
    assert "2 of 3 results reach 3 points, 2 needed: their mean counts." in shown
    assert "score: (4 + 5) / 2 = 4.5" in shown
    assert "level: Meets, mastery" in shown
    early = await rollup.rollup(opened, 7, ANA, 1, None, minutes(2))
    assert rollup.why(early) == "No score: 1 of 2 results reach 3 points, 2 needed."
    assert early.formula is None
    merged = text(rollup.render(await rollup.rollup(opened, 7, ANA, 2, None, None)))
    assert "2.5 / 5, 50 %, quiz 4 as a whole 75 % × 5 -> 3.75" in merged
    assert rollup.why(await rollup.rollup(opened, 7, ANA, 3, None, None)) == "No score: the outcome is deleted."
    none = await rollup.rollup(opened, 7, ANA, 1, None, NOON - timedelta(days=1))
    assert rollup.why(none) == "No score: no active result with a score is known at that moment."
    text(rollup.render(none))
    with pytest.raises(UsageError, match="no result of student bo for outcome 1 in course 7 is known"):
        await rollup.rollup(opened, 7, "bo", 1, None, None)
    await opened.close()


async def test_the_scale_says_whose_it_is_and_where_the_tree_is_not_known(database: str) -> None:
    """Course, account, root; off; none."""
    await write(
        database,
        account(1, None),
        account(3, 1),
        course(7, 3),
        samples.scale(4, 3, 0, context_type="Account", context_id="3"),
        event("outcome_calculation_method_updated", at=NOON, outcome_calculation_method_id="5", context_type="Course",
              context_id="7", calculation_method="n_mastery", calculation_int=2),
    )  # fmt: skip
    opened = await connect(database)
    found = await scale.effective(opened, ("Course", 7), None, None)
    shown = text(scale.render(found))
    assert "scale 1: account 3's (School of Biology), since 2025-03-20 12:00:00" in shown
    assert "method 5: course 7's own" in shown
    assert "n_mastery, 2 times" in shown
    assert "Level 1 *mastery" in shown
    assert found.place_known
    assert orjson.loads(orjson.dumps(found.as_json()))["scale"]["owner_id"] == 3
    strange = await scale.effective(opened, ("Course", 99), None, None)
    assert not strange.place_known
    shown = text(scale.render(strange))
    assert "No account-level scale is known here" in shown
    assert (
        "The place of course 99 in the tree of accounts is not known; asked were: course 99, account 1 (School of Biology)."
        in shown
    )
    assert (await scale.effective(opened, ("Account", 1), None, None)).place_known
    before = await scale.effective(opened, ("Course", 7), None, NOON - timedelta(days=1))
    assert "Account-level scales are off" in text(scale.render(before))
    await opened.close()


async def test_a_timeline_shows_what_changed_and_why(database: str) -> None:
    """A new result, a regrade, a scale."""
    await write(
        database,
        outcome(1, "Reading"),
        worked(1, ANA, 1, 0.4),
        worked(2, ANA, 1, 0.8, minute=5),
        samples.scale(2, 1, 0, minute=9, context_type="Course", context_id="7"),
    )
    opened = await connect(database)
    found = await timeline.timeline(opened, 7, ANA, 1, None)
    assert [change.cause for change in found.changes] == ["new result", "new result", found.changes[2].cause]
    assert "scale" in found.changes[2].cause.split(", ")
    shown = text(timeline.render(found))
    assert "new result (result 2)" in shown
    assert "score 2.00 -> 4.00" in shown
    assert "mastery from 3 of 5 -> mastery from 1 of 2" in shown
    assert [change["score"] for change in orjson.loads(orjson.dumps(found.as_json()))["changes"]] == [2.0, 4.0, 1.6]
    with pytest.raises(UsageError, match="no score of student bo for outcome 1 in course 7 is known"):
        await timeline.timeline(opened, 7, "bo", 1, None)
    await opened.close()


async def test_a_gradebook_is_judged_by_the_scale_of_another_moment(database: str) -> None:
    """Scores, levels and summaries of then; the results are those of `at`."""
    await write(
        database,
        outcome(1, "Reading"),
        worked(1, ANA, 1, 0.4),
        samples.scale(2, 1, 0, minute=9, context_type="Course", context_id="7"),
        worked(2, ANA, 1, 0.8, minute=10),
    )
    opened = await connect(database)
    found = await gradebook.gradebook(opened, 7, None, minutes(5), None, minutes(9))
    assert [(float(cell["score"]), cell["mastery"]) for cell in found.cells.values()] == [(0.8, False)]
    assert [(row["points_possible"], float(row["mean"]), row["assessed"]) for row in found.outcomes] == [(2, 0.8, 1)]
    assert found.setting.scale is not None
    assert orjson.loads(orjson.dumps(found.as_json()))["scale_at"] == minutes(9).isoformat()
    assert "judged as of 2025-03-20 12:09:00" in text(gradebook_view.render(found))
    back = await gradebook.gradebook(opened, 7, None, None, None, minutes(5))
    assert [(row["points_possible"], float(row["mean"])) for row in back.outcomes] == [(5, 4.0)]
    await opened.close()


async def test_a_tenant_switches_account_level_scales_and_lets_them_be(database: str) -> None:
    """Auto is as if nothing had been decided."""
    await write(database, outcome(1, "Reading"), worked(1, ANA, 1, 0.4))
    opened = await connect(database)
    assert "auto: off, because no scale" in (await scale.switch(opened, TENANT)).sentence()
    for value, level in (("on", True), ("off", False), ("on", True)):
        await tenant_setting.decide(opened, TENANT, scale.SWITCH, value)
        assert (await scale.switch(opened, TENANT)) == scale.Switch(TENANT, value, level)
    assert (await gradebook.gradebook(opened, 7, None, None, None)).setting.account_level
    await tenant_setting.decide(opened, TENANT, scale.SWITCH, "auto")
    assert "auto: off, because no scale" in (await scale.switch(opened, TENANT)).sentence()
    await opened.close()
