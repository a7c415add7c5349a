"""Canvas' own reports about outcomes, from the projection, and their comparison with a file that Canvas wrote."""

import csv
import io
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from consumer.errors import UsageError
from consumer.query.report_compare import compare_report
from consumer.query.reports import NOTHING, OUTCOME_RESULTS, STUDENT_COMPETENCY, Asked, Kind, Order, write_report
from consumer.store.postgres import Connection, connect
from tests.postgres.test_gradebook import account, course, outcome, worked
from tests.postgres.test_gradebook_people import EVENING, enrolled, section, uuid
from tests.postgres.test_people import called
from tests.postgres.writing import write
from tests.samples import NOON, TENANT, Event, event, iso, scale

SHARD = 2107 * 10**13


def link(id_: int, of: int, group: int, **members: Any) -> Event:
    """A link of the root account."""
    told: dict[str, Any] = {
        "learning_outcome_link_id": str(id_),
        "learning_outcome_id": str(of),
        "learning_outcome_group_id": str(group),
    }
    where = {"context_type": "Account", "context_id": "1", "workflow_state": "active"}
    return event("learning_outcome_link_updated", at=NOON, **(told | where | members))


def group(id_: int, title: str, parent: int | None = None, **members: Any) -> Event:
    """A group of the root account."""
    told: dict[str, Any] = {"learning_outcome_group_id": str(id_), "title": title, "context_type": "Account", "context_id": "1"}
    above = ... if parent is None else str(parent)
    state = {"vendor_guid": ..., "workflow_state": "active"}
    return event("learning_outcome_group_updated", at=NOON, **(told | {"parent_outcome_group_id": above} | state | members))


def assessed(id_: int, user: int, of: int, percent: float, **members: Any) -> Event:
    """A result of assignment 30, by a rubric."""
    on: dict[str, Any] = {"artifact_type": "RubricAssessment", "artifact_id": str(id_), "attempt": 2}
    asset: dict[str, Any] = {"associated_asset_type": "Assignment", "associated_asset_id": "30", "mastery": percent >= 0.6}
    return worked(id_, uuid(user), of, percent, **(on | asset | members))


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """To an account whose outcome 1 is in two groups; outcome 3 is the course's own; user 2 is in two sections."""
    await write(
        database,
        event(
            "account_updated", at=NOON, account_id=str(SHARD + 1), root_account_id=str(SHARD + 1), parent_account_id=...,
            name="School", domain="school.example", default_time_zone="America/Denver",
        ),
        account(3, 1) | {"body": account(3, 1)["body"] | {"name": "Faculty"}},
        course(7, 3),
        course(8, 1),
        event(
            "course_section_updated", at=NOON, course_section_id="57", course_id="7", name="=Morning", sis_source_id="SIS-57",
            nonxlist_course_id=...,
        ),
        section(EVENING, "Evening"),
        group(10, "School"),
        group(11, "Reading", 10),
        group(12, "Core", 11, vendor_guid="core"),
        outcome(1, "Reading", display_name="Read", vendor_guid=...),
        outcome(2, "Writing", vendor_guid="w-2"),
        outcome(3, "Of the course"),
        link(1, 1, 12),
        link(2, 1, 10),
        link(3, 2, 12),
        link(4, 3, 90, context_type="Course", context_id="7"),
        event("assignment_updated", at=NOON, assignment_id=str(SHARD + 30), context_id=str(SHARD + 7), title="Essay"),
        enrolled(1),
        enrolled(2),
        enrolled(2, EVENING, id_=102),
        enrolled(5, type="StudentViewEnrollment"),
        enrolled(6, state="deleted"),
        assessed(1, 1, 1, 1.0),
        assessed(2, 2, 2, 0.2, mastery=...),
        assessed(3, 1, 3, 0.4),
        assessed(5, 5, 1, 0.4),
        assessed(6, 6, 1, 0.4),
        assessed(7, 1, 1, 0.4, artifact_type="Submission"),
        assessed(8, 1, 2, 0.5, artifact_type="Quizzes::QuizSubmission", associated_asset_type="Quizzes::Quiz",
                 associated_asset_id="70"),
        worked(10, uuid(1), 2, 0.8, course="8", artifact_type="RubricAssessment", artifact_id="10", associated_asset_id="31"),
        worked(9, "stranger", 2, 0.8, course="8", artifact_type="RubricAssessment", artifact_id="9"),
        event("rubric_assessed", at=NOON, id="1", submitted_at=iso(NOON + timedelta(minutes=9))),
    )  # fmt: skip
    opened = await connect(database)
    yield opened
    await opened.close()


async def report(connection: Connection, kind: Kind = Kind.OUTCOME_RESULTS, **asked: Any) -> list[dict[str, str]]:
    """Its rows."""
    file = io.StringIO()
    written = await write_report(connection, kind, Asked(**asked), file)
    rows = [row for row in csv.DictReader(io.StringIO(file.getvalue())) if NOTHING not in row.values()]
    assert written == len(rows)
    return rows


async def test_a_row_of_outcome_results_has_what_canvas_writes(connection: Connection) -> None:
    """All columns in Canvas' order; times in the root account's zone; empty is what nothing tells."""
    await called(connection, 1, "Ana Paz", "Paz, Ana")
    first = (await report(connection))[0]
    assert tuple(first) == OUTCOME_RESULTS
    assert {name: value for name, value in first.items() if value} == {
        "student name": "Paz, Ana", "student id": "1", "student sis id": "S-1", "assessment title": "Essay",
        "assessment id": "30", "assessment type": "assignment",
        "submission date": "2025-03-20T06:09:00-06:00", "learning outcome name": "Reading",
        "learning outcome id": "1", "attempt": "2", "outcome score": "5.0", "course name": "Biology 101", "course id": "7",
        "section name": "'=Morning", "section id": "57", "section sis id": "SIS-57",
        "assignment url": "https://school.example/courses/7/assignments/30", "learning outcome friendly name": "Read",
        "learning outcome points possible": "5.0", "learning outcome mastery score": "3.0", "learning outcome mastered": "1",
        "learning outcome rating": "Exceeds", "learning outcome rating points": "5.0", "learning outcome group title": "School",
        "learning outcome group id": "10", "account id": "3", "account name": "Faculty",
        "enrollment state": "active",
    }  # fmt: skip


async def test_outcome_results_have_a_row_for_each_link_and_enrolment(connection: Connection) -> None:
    """Of outcomes that the account links; not of test students, of who left, or of submissions without a rubric."""
    rows = await report(connection)
    assert [
        (row["student id"], row["learning outcome id"], row["learning outcome group id"], row["section id"]) for row in rows
    ] == [
        ("1", "1", "10", "57"),
        ("1", "1", "12", "57"),
        ("1", "2", "12", "57"),
        ("1", "2", "12", ""),
        ("2", "2", "12", "57"),
        ("2", "2", "12", "58"),
        ("uuid:stranger", "2", "12", ""),
    ]
    assert [(row["assessment type"], row["assessment id"]) for row in rows[2:4]] == [("quiz", "70"), ("assignment", "31")]
    deleted = await report(connection, include_deleted=True)
    assert [row["student id"] for row in deleted if row["enrollment state"] == "deleted"] == ["6", "6"]
    by_outcome = await report(connection, order=Order.OUTCOMES)
    assert [row["learning outcome id"] for row in by_outcome] == ["1", "1", "2", "2", "2", "2", "2"]
    by_course = await report(connection, order=Order.COURSES)
    assert [row["course id"] for row in by_course] == ["7"] * 5 + ["8"] * 2


async def test_the_rating_is_by_the_scale_of_the_course_and_the_mastery_as_it_was_stored(connection: Connection) -> None:
    """So they can contradict each other, as in Canvas."""
    await write(connection, scale(3, 2, 0, context_type="Account", context_id="3", minute=20))
    rows = {(row["learning outcome id"], row["assessment type"]): row for row in await report(connection)}
    columns = (
        "learning outcome points possible",
        "learning outcome mastery score",
        "learning outcome rating",
        "learning outcome mastered",
    )
    assert [rows["1", "assignment"][column] for column in columns] == ["3.0", "2.0", "Level 0", "1"]
    assert [rows["2", "quiz"][column] for column in columns] == ["5.0", "2.0", "Level 2", "0"]
    before = await report(connection, at=NOON + timedelta(minutes=10))
    assert before[0]["learning outcome rating"] == "Exceeds"


async def test_student_competency_has_a_row_for_whoever_is_not_assessed(connection: Connection) -> None:
    """Each student, section and assignment that measures an outcome of the account; its rating is by points."""
    rows = await report(connection, Kind.STUDENT_COMPETENCY)
    assert tuple(rows[0]) == STUDENT_COMPETENCY
    assert [
        (row["student id"], row["learning outcome id"], row["section id"], row["assignment title"], row["outcome score"])
        for row in rows
        if row["learning outcome group id"] == "12"
    ] == [
        ("1", "1", "57", "Essay", "5.0"),
        ("1", "2", "57", "Essay", ""),
        ("2", "1", "57", "Essay", ""),
        ("2", "1", "58", "Essay", ""),
        ("2", "2", "57", "Essay", "1.0"),
        ("2", "2", "58", "Essay", "1.0"),
    ]
    assert [row["learning outcome rating"] for row in rows if row["outcome score"] == "1.0"] == ["Below", "Below"]


async def test_an_export_of_outcomes_is_what_canvas_imports(connection: Connection) -> None:
    """Groups from the top down, then outcomes; with account-level scales on, without scales and methods of their own."""
    rows = await report(connection, Kind.OUTCOME_EXPORT)
    assert [(row["vendor_guid"], row["object_type"], row["title"], row["parent_guids"]) for row in rows] == [
        ("canvas_outcome_group:11", "group", "Reading", ""),
        ("core", "group", "Core", "canvas_outcome_group:11"),
        ("canvas_outcome:1", "outcome", "Reading", "core"),
        ("w-2", "outcome", "Writing", "core"),
    ]
    file = io.StringIO()
    await write_report(connection, Kind.OUTCOME_EXPORT, Asked(), file)
    header, *_, last = csv.reader(io.StringIO(file.getvalue()))
    assert header[-3:] == ["workflow_state", "mastery_points", "ratings"]
    assert last[-7:] == ["3", "5", "Exceeds", "3", "Meets", "0", "Below"]
    await write(connection, scale(3, 2, 0, context_type="Account", context_id="1", minute=20))
    assert list((await report(connection, Kind.OUTCOME_EXPORT))[0])[-2:] == ["parent_guids", "workflow_state"]


async def test_a_report_about_nothing_says_so_as_canvas_does(connection: Connection) -> None:
    """One line; an account that is not known is an error."""
    file = io.StringIO()
    assert await write_report(connection, Kind.OUTCOME_RESULTS, Asked(account=3), file) == 0
    assert file.getvalue().splitlines()[1:] == [NOTHING]
    assert await report(connection, terms=(4,)) == []
    with pytest.raises(UsageError, match="account 99 is not known"):
        await write_report(connection, Kind.OUTCOME_RESULTS, Asked(account=99), io.StringIO())


async def test_a_report_of_canvas_that_says_the_same_differs_in_nothing(connection: Connection, tmp_path: Path) -> None:
    """Repeated rows, rows of questions and another separator are understood."""
    for kind in (Kind.OUTCOME_RESULTS, Kind.STUDENT_COMPETENCY):
        path = await saved(connection, tmp_path, kind)
        found = await compare_report(connection, path, Asked())
        assert (found.differences, found.of_questions) == ((), 0)
        assert found.results == (4 if kind is Kind.OUTCOME_RESULTS else 2)


async def saved(
    connection: Connection,
    folder: Path,
    kind: Kind = Kind.OUTCOME_RESULTS,
    change: Callable[[list[dict[str, str]]], None] = lambda rows: None,
) -> Path:
    """The report as Canvas could have written it, without students that Canvas does not know."""
    rows = [row for row in await report(connection, kind) if row["student id"].isdigit()]
    change(rows)
    path = folder / f"{kind}.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return path


async def test_what_a_report_of_canvas_says_otherwise_is_listed(connection: Connection, tmp_path: Path) -> None:
    """Missing here, extra here, another score, rating or attempt; nothing else."""

    def change(rows: list[dict[str, str]]) -> None:
        rows[0] |= {"outcome score": "4.5", "attempt": "3"}
        rows[2]["learning outcome rating"] = "Other"
        del rows[3:6]
        rows.append(rows[0] | {"student id": str(SHARD + 4)})
        rows.append(rows[0] | {"student id": "1", "assessment question": "1 + 1?"})

    found = await compare_report(connection, await saved(connection, tmp_path, change=change), Asked(TENANT, 1))
    assert [(one.kind, one.key.user_id, one.ours, one.canvas) for one in found.differences] == [
        ("score", 1, 5.0, 4.5),
        ("attempt", 1, 2, 3),
        ("rating", 1, "Below", "Other"),
        ("extra", 2, 1.0, None),
        ("missing", 4, None, 4.5),
    ]
    assert (found.rows, found.of_questions, found.nobody) == (5, 1, 1)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b"student name,student id\n"])
async def test_a_file_that_is_no_report_is_one_sentence(connection: Connection, tmp_path: Path, content: bytes) -> None:
    """And nothing is compared."""
    path = tmp_path / "report.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"report\.csv is"):
        await compare_report(connection, path, Asked())
