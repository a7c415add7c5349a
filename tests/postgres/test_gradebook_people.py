"""Whose rows a gradebook has, and what the people in it are called: on a terminal, in CSV, in JSON."""

import csv
import io
import re
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from rich.cells import cell_len

from consumer.errors import UsageError
from consumer.query import gradebook, gradebook_csv, gradebook_view, rollup, timeline
from consumer.query.members import Exclude
from consumer.query.students import Rows
from consumer.store.postgres import Connection, connect
from tests.postgres.test_gradebook import course, minutes, outcome, text, worked
from tests.postgres.test_people import called
from tests.postgres.writing import write
from tests.samples import NOON, TENANT, Event, event

SHARD = 2107 * 10**13
MORNING, EVENING = 57, 58
LONG = "Maria-Magdalena Antonia Wilhelmine von und zu Hohenlohe-Langenburg"


def uuid(user_id: int) -> str:
    """Of a user of these tests."""
    return f"uuid-of-{user_id}"


def enrolled(
    user_id: int, section: int = MORNING, state: str = "active", *, minute: int = 0, id_: int | None = None, **members: Any
) -> Event:
    """An enrolment in course 7, as a student."""
    return event(
        "enrollment_updated",
        at=minutes(minute),
        enrollment_id=str(SHARD + (id_ or user_id)),
        user_id=str(SHARD + user_id),
        course_id=str(SHARD + 7),
        course_section_id=str(SHARD + section),
        workflow_state=state,
        **{"type": "StudentEnrollment", "user_uuid": uuid(user_id)} | members,
    )


def section(id_: int, name: str) -> Event:
    """Of course 7."""
    return event(
        "course_section_updated", at=NOON, course_section_id=str(id_), course_id="7", name=name, nonxlist_course_id=...
    )


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """To a course with somebody of each kind. Outcome 2 has a result of the one who left alone."""
    await write(
        database,
        course(7, 3),
        section(MORNING, "Morning"),
        section(EVENING, "=Evening"),
        outcome(1, "Reading"),
        outcome(2, "Writing"),
        enrolled(1),
        enrolled(1, EVENING, "completed", id_=101),
        enrolled(2, EVENING),
        enrolled(3, state="completed"),
        enrolled(4, state="inactive"),
        enrolled(5, type="StudentViewEnrollment"),
        enrolled(6),
        enrolled(6, state="deleted", minute=30),
        worked(1, uuid(1), 1, 1.0),
        worked(3, uuid(3), 1, 0.6),
        worked(4, uuid(4), 1, 0.4),
        worked(6, uuid(6), 1, 0.2),
        worked(7, uuid(6), 2, 0.2),
        worked(8, "stranger", 1, 0.8),
    )
    opened = await connect(database)
    yield opened
    await opened.close()


async def rows(connection: Connection, *exclude: Exclude, **options: Any) -> dict[int | None, list[str]]:
    """User id -> marks, of whoever is in the gradebook; None is the stranger."""
    found = await gradebook.gradebook(connection, 7, None, None, None, rows=Rows(exclude=frozenset(exclude), **options))
    return {student.person.user_id: student.marks for student in found.students}


async def test_whoever_is_enrolled_has_a_row_and_whoever_left_has_none(connection: Connection) -> None:
    """Without results too; what sets somebody apart is said; nobody whose enrolment was never told is left out."""
    shown = {1: [], 2: [], 3: ["concluded"], 4: ["inactive"], 5: ["test"], None: ["unknown"]}
    assert await rows(connection) == shown
    found = await gradebook.gradebook(connection, 7, None, None, None)
    assert {id_ for (key, id_) in found.cells if key == uuid(6)} == set()
    page = text(gradebook_view.render(found))
    assert "unknown: has results, but no enrolment in the course is known" in page
    for mark in ("concluded", "inactive", "test", "unknown"):
        assert sum(re.search(rf"  {mark}  ", line) is not None for line in page.splitlines()) == 1, mark
    before = await gradebook.gradebook(connection, 7, None, minutes(20), None)
    assert 6 in {student.person.user_id for student in before.students}


async def test_all_shows_who_left_and_counts_them_nowhere(connection: Connection) -> None:
    """Their scores stand in their row, and in no mean, level or count."""
    without = await gradebook.gradebook(connection, 7, None, None, None)
    found = await gradebook.gradebook(connection, 7, None, None, None, rows=Rows(left=True))
    assert await rows(connection, left=True) == await rows(connection) | {6: ["left"]}
    assert float(found.cells[uuid(6), 1]["score"]) == 1.0
    assert found.outcomes == without.outcomes
    assert [found.not_yet_assessed(one) for one in found.outcomes] == [without.not_yet_assessed(one) for one in found.outcomes]
    assert "left: is enrolled no more" in text(gradebook_view.render(found))


@pytest.mark.parametrize(
    ("exclude", "section_id", "shown"),
    [
        ((Exclude.CONCLUDED,), None, {1, 2, 4, 5, None}),
        ((Exclude.INACTIVE,), None, {1, 2, 3, 5, None}),
        ((Exclude.MISSING_USERS,), None, {1, 3, 4, None}),
        ((Exclude.CONCLUDED, Exclude.INACTIVE, Exclude.MISSING_USERS), None, {1, None}),
        ((), MORNING, {1, 3, 4, 5}),
        ((), EVENING, {1, 2}),
        ((Exclude.CONCLUDED,), EVENING, {2}),
        ((Exclude.CONCLUDED,), MORNING, {1, 4, 5}),
    ],
)
async def test_rows_are_left_out_as_canvas_does(
    connection: Connection, exclude: tuple[Exclude, ...], section_id: int | None, shown: set[int | None]
) -> None:
    """One enrolment that stays is enough; with a section only those in it count. Means and counts are of the rows that stay."""
    asked = Rows(section_id, frozenset(exclude))
    found = await gradebook.gradebook(connection, 7, None, None, None, rows=asked)
    assert {student.person.user_id for student in found.students} == shown
    [reading] = [one for one in found.outcomes if one["learning_outcome_id"] == 1]
    scores = [
        float(found.cell(student, reading)["score"]) for student in found.students if found.cell(student, reading)["score"]
    ]
    assert reading["assessed"] == len(scores)
    assert (
        reading["mean"] is None if not scores else float(reading["mean"]) == pytest.approx(sum(scores) / len(scores), abs=0.005)
    )
    assert found.not_yet_assessed(reading) == len(shown) - len(scores)


async def test_outcomes_without_results_are_left_out_where_asked_for(connection: Connection) -> None:
    """A result of somebody who has no row does not count."""
    for asked, shown in ((Rows(), [1, 2]), (Rows(exclude=frozenset({Exclude.MISSING_OUTCOMES})), [1])):
        found = await gradebook.gradebook(connection, 7, None, None, None, rows=asked)
        assert [one["learning_outcome_id"] for one in found.outcomes] == shown


async def test_a_course_without_results_shows_its_students_and_its_linked_outcomes(database: str) -> None:
    """As Canvas' gradebook does before anybody is assessed; outcomes without results can be left out."""
    placed = {"context_type": "Course", "context_id": "7", "workflow_state": "active", "learning_outcome_id": "2"}
    await write(database, course(7, 3), outcome(1, "Reading"), outcome(2, "Writing"), enrolled(1), enrolled(2))
    opened = await connect(database)
    found = await gradebook.gradebook(opened, 7, None, None, None)
    assert not found.outcomes
    page = text(gradebook_view.render(found))
    assert page.count("\nstudent ") == 3
    assert "No outcome is linked here or has results so far." in page
    await write(database, event("learning_outcome_link_updated", at=NOON, learning_outcome_link_id="5", **placed))
    found = await gradebook.gradebook(opened, 7, None, None, None)
    assert [(one["title"], one["assessed"], found.not_yet_assessed(one)) for one in found.outcomes] == [("Writing", 0, 2)]
    page = text(gradebook_view.render(found))
    assert len(re.findall(rf"{gradebook_view.NOT_YET} +\n", page)) == 4
    assert "0 assessed" in page
    assert len(gradebook_csv.as_csv(found).splitlines()) == 3
    without = Rows(exclude=frozenset({Exclude.MISSING_OUTCOMES}))
    assert (await gradebook.gradebook(opened, 7, None, None, None, rows=without)).outcomes == ()
    await opened.close()


async def test_a_section_that_nobody_is_in_is_refused(connection: Connection) -> None:
    """With a sentence."""
    with pytest.raises(UsageError, match=f"no student of section 59 in course 7 is known of {TENANT}"):
        await gradebook.gradebook(connection, 7, None, None, None, rows=Rows(59))


async def test_names_stand_in_every_form_and_in_none_for_a_plain_reader(connection: Connection) -> None:
    """In Canvas' order; of two with one name each has the digits of the pseudonym too."""
    for user_id, name in ((1, "Zoe Adams"), (2, "Ben Young"), (3, "Ben Young"), (4, "=cmd()")):
        await called(connection, user_id, name, ", ".join(reversed(name.split(" "))))
    found = await gradebook.gradebook(connection, 7, None, None, None)
    codes = {student.person.user_id: student.person.code for student in found.students}
    assert [student.person.user_id for student in found.students][:4] == [4, 1, 2, 3]
    page = text(gradebook_view.render(found))
    for shown in ("Zoe Adams ", f"Ben Young ({codes[2]})", f"Ben Young ({codes[3]})", "=cmd() ", f"student {codes[None]}"):
        assert f"\n{shown}" in page
    table = {row["user_id"]: row for row in csv.DictReader(io.StringIO(gradebook_csv.as_csv(found)))}
    assert [table[id_]["student_name"] for id_ in ("1", "4", "5")] == ["Zoe Adams", "'=cmd()", ""]
    assert (table["1"]["section_names"], table["1"]["enrollment_states"]) == ("Morning, =Evening", "active, completed")
    assert (table["5"]["test_student"], table["5"]["standing"], table[""]["standing"]) == ("true", "enrolled", "unknown")
    data = orjson.loads(orjson.dumps(found.as_json()))["students"]
    assert [(one["name"], one["sortable_name"]) for one in data[:2]] == [("=cmd()", "=cmd()"), ("Zoe Adams", "Adams, Zoe")]
    assert data[1]["enrollments"][1] == {
        "course_section_id": EVENING,
        "section_name": "=Evening",
        "workflow_state": "completed",
    }
    await connection.execute("SET ROLE outcomes_reader")
    nameless = await gradebook.gradebook(connection, 7, None, None, None)
    told = [text(gradebook_view.render(nameless)), gradebook_csv.as_csv(nameless), orjson.dumps(nameless.as_json()).decode()]
    for form in told:
        assert not any(name in form for name in ("Zoe", "Adams", "Young", "cmd"))
        assert f"student {codes[1]}" in form


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_long_wide_and_foreign_names_fit(connection: Connection, width: int) -> None:
    """No line is too long, no two names are cut to the same, and nothing in a name moves what stands beside it."""
    names = {1: LONG, 2: f"{LONG}-Schwarzburg", 3: "王" * 40, 4: "\x1b[2Jמשה\u202e", 5: "محمد علي"}
    for user_id, name in names.items():
        await called(connection, user_id, name)
    found = await gradebook.gradebook(connection, 7, None, None, None)
    lines = text(gradebook_view.render(found), width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert not {"\x1b", "\u202e"} & set("".join(lines))
    first = next(index for index, line in enumerate(lines) if line.startswith("student ")) + 1
    rows_ = [line.rstrip() for line in lines[first : first + len(names) + 1]]
    assert len({cell_len(line[: line.index("–")]) for line in rows_ if ".00" not in line}) == 1
    shown = [line.split("  ")[0].strip("\u2068\u2069") for line in rows_]
    assert len(set(shown)) == len(rows_)
    assert sum(line.startswith("\u2068") for line in rows_) == 2


async def test_one_student_is_named_by_uuid_id_or_pseudonym(connection: Connection) -> None:
    """In timeline and explain alike, also of who left; the answer says who it is."""
    await called(connection, 6, "Left Already")
    found = await gradebook.gradebook(connection, 7, None, None, None, rows=Rows(left=True))
    code = next(student.person.code for student in found.students if student.person.user_id == 6)
    for name in (uuid(6), "id:6", code, f"student {code}", code.lower()):
        changes = await timeline.timeline(connection, 7, name, 1, None)
        assert changes.student.person.user_id == 6
        assert f"Left Already ({uuid(6)})" in text(timeline.render(changes))
        assert "has left the course" in text(timeline.render(changes))
        assert "not in the course" in text(timeline.render(changes))
        one = await rollup.rollup(connection, 7, name, 1, None, None)
        assert one.score == 1
        assert f"Left Already ({uuid(6)}), course 7 (Biology 101)" in text(rollup.render(one))
    assert changes.as_json()["student"]["name"] == one.as_json()["student"]["name"] == "Left Already"
    with pytest.raises(UsageError, match="no score of student FFFF00001111 for outcome 1"):
        await timeline.timeline(connection, 7, "FFFF00001111", 1, None)


async def test_who_has_no_row_or_no_score_is_told_why(connection: Connection) -> None:
    """By uuid, id and pseudonym, in timeline and explain alike; before and after the roster was read."""

    async def refused(name: str, outcome_id: int, reason: str) -> None:
        with pytest.raises(UsageError, match=f"of {TENANT}: {reason}$"):
            await timeline.timeline(connection, 7, name, outcome_id, None)
        with pytest.raises(UsageError, match=f"of {TENANT}: {reason}$"):
            await rollup.rollup(connection, 7, name, outcome_id, None, None)

    await refused("id:2", 1, "the student is enrolled, without a result for this outcome")
    await refused("id:6", 3, r"the student left the course \(enrolment deleted on 2025-03-20\)")
    await refused("id:99", 1, "the student is not known here")
    await refused("stranger", 2, "the student has results here, but none for this outcome")
    await connection.execute(
        "INSERT INTO user_identity (root_account_uuid, user_uuid, user_id, since) VALUES ($1, 'stranger', 8, $2)", TENANT, NOON
    )
    found = await gradebook.gradebook(connection, 7, None, None, None)
    code = next(student.person.code for student in found.students if student.person.user_id == 8)
    assert (await timeline.timeline(connection, 7, "stranger", 1, None)).standing is None
    await connection.execute(
        "INSERT INTO roster_reading (root_account_uuid, course_id, event_time) VALUES ($1, 7, $2)", TENANT, minutes(40)
    )
    sentence = "The roster that was read on 2025-03-20 does not have this student, so the results count nowhere."
    for name in ("stranger", "id:8", code):
        changes = await timeline.timeline(connection, 7, name, 1, None)
        one = await rollup.rollup(connection, 7, name, 1, None, None)
        assert one.student.key == changes.student.key == "stranger"
        assert float(one.score or 0) == 4, name
        for page in (timeline.render(changes), rollup.render(one)):
            shown = text(page, 160)
            assert sentence in shown, name
            assert "had before" not in shown, name
        assert str(one.as_json()["note"]).startswith(sentence)
    await refused(code, 2, sentence[0].lower() + sentence[1:-1])


async def test_an_earlier_uuid_of_a_student_is_called_so(connection: Connection) -> None:
    """The story is the student's, not that of whoever has the uuid by now."""
    await connection.execute(
        "INSERT INTO user_past_uuid (root_account_uuid, course_id, user_id, user_uuid, since) VALUES ($1, 7, 1, 'old', $2)",
        TENANT,
        NOON,
    )
    assert (await timeline.timeline(connection, 7, uuid(1), 1, None)).standing is None
    changes = await timeline.timeline(connection, 7, "old", 1, None)
    assert changes.standing == "old is a user_uuid that the student had before."


async def test_what_a_result_assesses_is_called_by_its_title(connection: Connection, database: str) -> None:
    """In explain and timeline."""
    await write(
        database,
        event("assignment_updated", at=NOON, assignment_id=str(SHARD + 90), context_id=str(SHARD + 7), title="Essay \x1b[2J"),
        worked(1, uuid(1), 1, 0.9, minute=50, associated_asset_type="Assignment", associated_asset_id="90"),
    )
    one = await rollup.rollup(connection, 7, uuid(1), 1, None, None)
    assert [row["assessed"] for row in one.as_json()["results"]] == ["Essay \x1b[2J"]
    assert r"result 1: Essay \x1b[2J, worked" in text(rollup.render(one))
    changes = await timeline.timeline(connection, 7, uuid(1), 1, None)
    assert r"(result 1: Essay \x1b[2J)" in text(timeline.render(changes))
    assert changes.as_json()["changes"][-1]["caused_by"][0]["title"] == "Essay \x1b[2J"
