"""Every rule by which Canvas decides who is in a course's gradebook, one test each.

`test_mastery.py` tests them all by a second implementation.
"""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from consumer.canvas.sql import sql as canvas_sql
from consumer.ingest.batch import Partition
from consumer.query.gradebook import gradebook
from consumer.query.students import students_of
from consumer.serve.sql import sql as serve_sql
from consumer.store.postgres import connect
from tests.postgres.test_mastery_rules import SHARD, School
from tests.postgres.writing import write
from tests.samples import NOON, TENANT, event, iso

ANA, BO, CHI = 501, 502, 503
"""User ids."""
UUIDS = {ANA: "ana", BO: "bo", CHI: "chi"}


class Institution(School):
    """Tells of people too. Course 7 has section 70."""

    async def user(self, id_: int, uuid: Any = None, state: str = "registered", **members: Any) -> None:
        """A user, with the uuid of that id."""
        told = {"user_id": str(SHARD + id_), "uuid": uuid or UUIDS[id_], "workflow_state": state}
        await self.tell("user_updated", **(told | members))

    async def enrol(self, user: int, state: str = "active", *, course: int = 7, section: int = 70, **members: Any) -> None:
        """An enrolment as a student; its id is made of user and section."""
        told = {
            "enrollment_id": str(SHARD + user * 1000 + section),
            "course_id": str(SHARD + course),
            "user_id": str(SHARD + user),
            "user_uuid": UUIDS[user],
            "course_section_id": str(SHARD + section),
            "type": "StudentEnrollment",
            "workflow_state": state,
        }
        await self.tell("enrollment_updated", **(told | members))

    async def section(self, id_: int, course: int, origin: Any = ..., **members: Any) -> None:
        """A section in a course."""
        place = {"course_section_id": str(id_), "course_id": str(course), "nonxlist_course_id": origin}
        await self.tell("course_section_updated", **(place | members))

    async def rest(self, name: str, **members: Any) -> None:
        """REST told of an object."""
        self._minute += 1
        metadata = {"event_name": f"{name}_backfilled", "event_time": iso(self.now()), "root_account_uuid": TENANT}
        await write(self.connection, {"metadata": metadata, "body": members}, partition=Partition("canvas:x", 0))

    async def merged(self, user: int, into: int) -> None:
        """REST told of a merge."""
        await self.rest("user_merge", user_id=str(user), merged_into_user_id=str(into))

    async def reading(self, course: int = 7) -> None:
        """REST told the whole roster of a course."""
        self._minute += 1
        await self.connection.execute(
            "INSERT INTO roster_reading (root_account_uuid, course_id, event_time) VALUES ($1, $2, $3)",
            TENANT,
            course,
            self.now(),
        )

    async def work(self, id_: int, percent: float, user: str = "ana", **members: Any) -> None:
        """A result that was made when it was told."""
        await self.result(id_, percent, **({"user_uuid": user, "created_at": iso(self.now() + timedelta(minutes=1))} | members))

    async def roster(
        self, course: int = 7, at: datetime | None = None, known_at: datetime | None = None
    ) -> dict[int, dict[str, Any]]:
        """The roster by user id."""
        rows = await self.connection.fetch("SELECT * FROM course_roster_at($1, $2, $3, $4)", TENANT, course, at, known_at)
        assert len({row["user_id"] for row in rows}) == len(rows)
        return {row["user_id"]: dict(row) | {"enrollments": json.loads(row["enrollments"])} for row in rows}

    async def standing(self, course: int = 7, at: datetime | None = None, known_at: datetime | None = None) -> dict[int, str]:
        """Who is enrolled, who has left."""
        return {user: row["standing"] for user, row in (await self.roster(course, at, known_at)).items()}

    async def rows(self, course: int = 7, at: datetime | None = None) -> dict[str, dict[int, str]]:
        """The rows of the gradebook, with the scores by outcome."""
        found = await gradebook(self.connection, course, TENANT, at, None)
        rows: dict[str, dict[int, str]] = {student.key: {} for student in found.students}
        for (student, outcome), cell in found.cells.items():
            assert student in rows, "a score has a row"
            rows[student][outcome] = str(cell["score"])
        return rows

    async def summary(self) -> dict[str, Any]:
        """Outcome 1 over the students of course 7."""
        row = await self.connection.fetchrow("SELECT * FROM course_outcome_summary_of($1, 7, NULL, NULL)", TENANT)
        return dict(row) if row else {}

    async def asked_for(self, user: str, at: datetime | None = None) -> str | None:
        """The score of somebody who is asked for, who may have left."""
        asked = (TENANT, user, at)
        found = await self.connection.fetchval("SELECT score FROM student_rollup_of($1, 7, $2, 1, $3, NULL)", *asked)
        inputs = await self.connection.fetchval("SELECT count(*) FROM rollup_input($1, 7, $2, 1, $3)", *asked)
        assert (found is not None) == (inputs > 0)
        return None if found is None else str(found)

    async def causes(self, user: str = "ana") -> list[tuple[str, str]]:
        """The changes of a student's score for outcome 1 in course 7."""
        question = "SELECT coalesce(score::text, 'none'), cause FROM mastery_timeline($1, 7, $2, 1)"
        return [tuple(row) for row in await self.connection.fetch(question, TENANT, user)]


@pytest.fixture
async def school(database: str) -> AsyncIterator[Institution]:
    """An empty projection to tell."""
    connection = await connect(database)
    yield Institution(connection)
    await connection.close()


# The roster


@pytest.mark.parametrize("state", ["active", "invited", "creation_pending", "rejected", "inactive", "completed"])
async def test_whoever_has_an_enrolment_that_is_not_deleted_is_enrolled(school: Institution, state: str) -> None:
    """In whatever state it is else (`app/models/course.rb`, `all_students`)."""
    await school.enrol(ANA, state)
    assert await school.standing() == {ANA: "enrolled"}


async def test_whoever_has_deleted_enrolments_alone_has_left(school: Institution) -> None:
    await school.enrol(ANA)
    await school.enrol(ANA, "deleted")
    assert await school.standing() == {ANA: "left"}
    assert await school.standing(at=school.now() - timedelta(minutes=1)) == {ANA: "enrolled"}


async def test_teachers_and_observers_are_not_in_the_roster(school: Institution) -> None:
    await school.enrol(ANA, type="TeacherEnrollment")
    await school.enrol(BO, type="ObserverEnrollment")
    assert await school.standing() == {}


async def test_the_test_student_is_in_the_roster_and_marked(school: Institution) -> None:
    await school.enrol(ANA)
    await school.enrol(BO, type="StudentViewEnrollment")
    assert {user: row["test_student"] for user, row in (await school.roster()).items()} == {ANA: False, BO: True}


async def test_a_student_of_two_sections_is_in_the_roster_once_with_both(school: Institution) -> None:
    """Each enrolment by itself, with its own state and that of its dates."""
    await school.enrol(ANA, "completed")
    await school.enrol(ANA, "inactive", section=71)
    await school.enrol(ANA, "deleted", section=72)
    await school.tell("enrollment_state_updated", enrollment_id=str(SHARD + ANA * 1000 + 70), state="pending_active")
    row = (await school.roster())[ANA]
    assert row["sections"] == [70, 71]
    assert [(one["course_section_id"], one["workflow_state"], one["state"]) for one in row["enrollments"]] == [
        (70, "completed", "pending_active"),
        (71, "inactive", None),
    ]
    assert {one["type"] for one in row["enrollments"]} == {"StudentEnrollment"}


@pytest.mark.parametrize(
    ("states", "concluded", "inactive"),
    [
        (("completed", "completed"), True, False),
        (("completed", "active"), False, False),
        (("completed", "deleted"), True, False),
        (("inactive", "inactive"), False, True),
        (("inactive", "completed"), False, False),
    ],
)
async def test_concluded_and_inactive_are_those_whose_every_enrolment_is(
    school: Institution, states: tuple[str, str], concluded: bool, inactive: bool
) -> None:
    """One section that passes is enough."""
    for section, state in enumerate(states, start=70):
        await school.enrol(ANA, state, section=section)
    row = (await school.roster())[ANA]
    assert (row["concluded"], row["inactive"]) == (concluded, inactive)


async def test_a_conclusion_by_dates_leaves_the_enrolment_active(school: Institution) -> None:
    """Canvas looks at the enrolment's own state alone when it leaves out concluded ones."""
    await school.enrol(ANA)
    await school.tell("enrollment_state_updated", enrollment_id=str(SHARD + ANA * 1000 + 70), state="completed")
    row = (await school.roster())[ANA]
    assert (row["concluded"], row["enrollments"][0]["state"]) == (False, "completed")


async def test_a_cross_listed_section_takes_its_enrolments_along(school: Institution) -> None:
    """Without an event of them; there and back (`app/models/course_section.rb`)."""
    await school.section(70, 7)
    await school.enrol(ANA)
    await school.section(70, 8, "7")
    assert (await school.standing(7), await school.standing(8)) == ({ANA: "left"}, {ANA: "enrolled"})
    away = school.now()
    await school.section(70, 7)
    assert (await school.standing(7), await school.standing(8)) == ({ANA: "enrolled"}, {ANA: "left"})
    assert (await school.standing(7, away), await school.standing(8, away)) == ({ANA: "left"}, {ANA: "enrolled"})


async def test_of_section_and_enrolment_the_newer_one_tells_the_course(school: Institution) -> None:
    """Canvas saves a few stragglers after it has moved a section."""
    await school.section(70, 8, "7")
    await school.enrol(ANA, course=7)  # told later: a late import, say
    assert (await school.standing(7), await school.standing(8)) == ({ANA: "enrolled"}, {})
    await school.enrol(ANA, course=8)
    assert (await school.standing(7), await school.standing(8)) == ({ANA: "left"}, {ANA: "enrolled"})


async def test_a_section_that_was_here_before_the_student_makes_nobody_leave(school: Institution) -> None:
    await school.section(70, 8, "7")
    await school.section(70, 7)
    await school.enrol(ANA)
    assert (await school.standing(7), await school.standing(8)) == ({ANA: "enrolled"}, {})


async def test_a_deleted_user_has_left(school: Institution) -> None:
    await school.user(ANA)
    await school.enrol(ANA)
    await school.user(ANA, state="deleted")
    assert await school.standing() == {ANA: "left"}
    await school.user(ANA)
    assert await school.standing() == {ANA: "enrolled"}


async def test_a_merge_moves_enrolments_without_an_event(school: Institution) -> None:
    """To the user into whom Canvas merged (`lib/user_merge.rb`); what an event told later stays."""
    await school.enrol(ANA)
    await school.merged(ANA, BO)
    roster = await school.roster()
    assert {user: row["standing"] for user, row in roster.items()} == {ANA: "left", BO: "enrolled"}
    assert roster[ANA]["merged_into_user_id"] == BO
    await school.enrol(ANA, "deleted", section=71)  # it lost a conflict
    assert await school.standing() == {ANA: "left", BO: "enrolled"}


async def test_an_enrolment_that_rest_tells_of_another_user_is_that_users(school: Institution) -> None:
    await school.enrol(ANA)
    await school.enrol(ANA, user_id=str(SHARD + BO), user_uuid="bo")
    assert await school.standing() == {ANA: "left", BO: "enrolled"}


async def test_a_uuid_that_moves_with_a_merge_is_the_new_users_from_then_on(school: Institution) -> None:
    """The old user's rows no longer show it as theirs."""
    await school.user(ANA)
    await school.user(BO)
    await school.enrol(ANA)
    await school.enrol(BO)
    before = school.now()
    await school.user(BO, "ana")
    rows = await school.roster()
    assert (rows[ANA]["user_uuid"], rows[ANA]["past_uuids"]) == (None, ["ana"])
    assert (rows[BO]["user_uuid"], rows[BO]["past_uuids"]) == ("ana", ["bo"])
    rows = await school.roster(at=before)
    assert (rows[ANA]["user_uuid"], rows[BO]["user_uuid"]) == ("ana", "bo")
    await school.user(ANA, "ana again")
    assert (await school.roster())[ANA]["user_uuid"] == "ana again"


async def test_past_uuids_are_those_of_the_course(school: Institution) -> None:
    await school.enrol(ANA)
    await school.enrol(ANA, course=8, section=80)
    await school.connection.execute(
        "INSERT INTO user_past_uuid (root_account_uuid, course_id, user_id, user_uuid, since) VALUES ($1, 7, $2, 'bo', $3)",
        TENANT,
        ANA,
        school.now(),
    )
    assert (await school.roster(7))[ANA]["past_uuids"] == ["bo"]
    assert (await school.roster(8))[ANA]["past_uuids"] == []


async def test_enrolments_of_before_2024_tell_no_uuid(school: Institution) -> None:
    """Events of the users tell it."""
    await school.enrol(ANA, user_uuid=..., course_uuid=...)
    assert (await school.roster())[ANA]["user_uuid"] is None
    await school.user(ANA)
    assert (await school.roster())[ANA]["user_uuid"] == "ana"


async def test_the_roster_is_asked_as_it_was_known(school: Institution) -> None:
    """A deletion that arrived late was not known before."""
    await school.enrol(ANA)
    known = await school.connection.fetchval("SELECT max(recorded_at) FROM enrollment_version")
    await school.enrol(ANA, "deleted")
    moment = school.now()
    assert await school.standing(at=moment, known_at=known) == {ANA: "enrolled"}
    assert await school.standing(at=moment) == {ANA: "left"}


async def test_rosters_of_all_courses_are_a_view(school: Institution) -> None:
    """Also of a course whose section alone was told."""
    await school.enrol(ANA)
    await school.enrol(BO, course=8, section=80)
    await school.section(80, 9, "8")
    rows = await school.connection.fetch("SELECT course_id, user_id, standing FROM course_roster ORDER BY 1, 2")
    assert [tuple(row) for row in rows] == [(7, ANA, "enrolled"), (8, BO, "left"), (9, BO, "enrolled")]
    await school.connection.execute("SET ROLE outcomes_reader")
    assert await school.connection.fetchval("SELECT count(*) FROM course_roster") == 3
    assert await school.connection.fetchval("SELECT count(*) FROM course_roster_at($1, 7, NULL)", TENANT) == 1


# Whose rows the gradebook has, and who counts


async def test_a_projection_that_was_told_of_nobody_has_the_rows_of_all_results(school: Institution) -> None:
    await school.outcome()
    await school.work(1, 0.4)
    await school.work(2, 0.8, "bo")
    assert await school.rows() == {"ana": {1: "2.00"}, "bo": {1: "4.00"}}


async def test_whoever_left_has_no_row_and_counts_nowhere(school: Institution) -> None:
    """Whatever results they have; on the day before they do. Asked for by name, they are found."""
    await school.outcome()
    await school.enrol(ANA)
    await school.enrol(BO)
    await school.work(1, 0.4)
    await school.work(2, 0.8, "bo")
    before = school.now()
    assert (await school.summary())["mean"] == 3
    await school.enrol(ANA, "deleted")
    assert await school.rows() == {"bo": {1: "4.00"}}
    assert await school.rows(at=before) == {"ana": {1: "2.00"}, "bo": {1: "4.00"}}
    summary = await school.summary()
    assert [summary[name] for name in ("mean", "median", "students", "assessed")] == [4, 4, 1, 1]
    assert [level["count"] for level in json.loads(summary["levels"])] == [0, 1]
    assert await school.asked_for("ana") == "2.00"


async def test_a_student_without_results_has_an_empty_row(school: Institution) -> None:
    await school.outcome()
    await school.enrol(ANA)
    await school.enrol(BO)
    await school.work(1, 0.4)
    assert await school.rows() == {"ana": {1: "2.00"}, "bo": {}}
    assert (await school.summary())["students"] == 1


async def test_an_enrolled_student_whose_uuid_nobody_told_has_a_row_by_id(school: Institution) -> None:
    await school.outcome()
    await school.enrol(ANA, user_uuid=...)
    await school.work(1, 0.4, "bo")
    assert await school.rows() == {f"id:{ANA}": {}, "bo": {1: "2.00"}}


async def test_somebody_of_whom_no_enrolment_was_told_has_a_row(school: Institution) -> None:
    """Events can be missing; until REST has told the whole roster."""
    await school.outcome()
    await school.enrol(BO)
    await school.work(1, 0.4)
    assert await school.rows() == {"ana": {1: "2.00"}, "bo": {}}
    before = school.now()
    await school.reading()
    assert await school.rows() == {"bo": {}}
    assert await school.rows(at=before) == {"ana": {1: "2.00"}, "bo": {}}
    assert await school.asked_for("ana") == "2.00"


async def test_a_result_that_was_made_after_the_roster_was_read_gives_a_row_again(school: Institution) -> None:
    """With all that counts of the same person, older work too. A regrade of older work does not."""
    await school.outcome("average")
    await school.work(1, 0.4)
    made = iso(school.now())
    await school.reading()
    await school.result(1, 0.6, created_at=made)
    assert await school.rows() == {}
    await school.work(2, 0.8)
    assert await school.rows() == {"ana": {1: "3.50"}}


async def test_a_teacher_with_results_has_no_row(school: Institution) -> None:
    await school.outcome()
    await school.enrol(ANA, type="TeacherEnrollment")
    await school.work(1, 0.4)
    assert await school.rows() == {}


async def test_the_test_student_is_a_row_and_counts(school: Institution) -> None:
    """Results of the test student are written like all others (`app/models/rubric_assessment.rb`)."""
    await school.outcome()
    await school.enrol(ANA, type="StudentViewEnrollment")
    await school.work(1, 0.4)
    assert await school.rows() == {"ana": {1: "2.00"}}
    assert (await school.summary())["assessed"] == 1


async def test_results_stay_behind_when_a_section_is_cross_listed(school: Institution) -> None:
    """They keep the old course, which no longer has the student; the new one does, without them."""
    await school.outcome()
    await school.section(70, 7)
    await school.enrol(ANA)
    await school.work(1, 0.4)
    await school.section(70, 8, "7")
    assert (await school.rows(7), await school.rows(8)) == ({}, {"ana": {}})
    await school.section(70, 7)
    assert await school.rows(7) == {"ana": {1: "2.00"}}


async def test_results_of_a_deleted_user_count_nowhere(school: Institution) -> None:
    """Also where no enrolment was told."""
    await school.outcome()
    await school.user(ANA)
    await school.work(1, 0.4)
    assert await school.rows() == {"ana": {1: "2.00"}}
    await school.user(ANA, state="deleted")
    assert await school.rows() == {}


async def test_results_of_a_merged_user_stay_theirs_and_vanish(school: Institution) -> None:
    """Merging moves enrolments, and no results (`lib/user_merge.rb`); the next assessment makes a new one of the other user."""
    await school.outcome("average")
    await school.enrol(ANA)
    await school.work(1, 0.4)
    await school.user(BO)
    await school.merged(ANA, BO)
    assert await school.rows() == {"bo": {}}
    await school.work(2, 0.8, "bo")
    assert await school.rows() == {"bo": {1: "4.00"}}


async def test_a_uuid_that_moved_counts_for_whose_it_was_when_the_result_was_made(school: Institution) -> None:
    """Old results under it are of the user who is gone, new ones of the user who has it now."""
    await school.outcome("average")
    await school.user(ANA)
    await school.enrol(ANA)
    await school.work(1, 0.4)
    before = school.now()
    await school.user(ANA, "another", "deleted")
    await school.user(BO, "ana")
    assert await school.rows() == {}
    await school.enrol(BO, user_uuid="ana")
    assert await school.rows() == {"ana": {}}
    assert await school.asked_for("ana") is None
    await school.work(2, 0.8)
    assert await school.rows() == {"ana": {1: "4.00"}}
    assert await school.asked_for("ana") == "4.00"
    await school.result(1, 0.6, created_at=iso(NOON + timedelta(minutes=4)))
    assert await school.rows() == {"ana": {1: "4.00"}}
    assert await school.rows(at=before) == {"ana": {1: "2.00"}}


async def test_results_of_one_user_under_several_uuids_are_one_row(school: Institution) -> None:
    """Canvas selects results by user id; the row has the uuid of today."""
    await school.outcome("average")
    await school.user(ANA, "before")
    await school.enrol(ANA, user_uuid="before")
    await school.work(1, 0.4, "before")
    await school.user(ANA)
    await school.work(2, 0.8)
    await school.work(3, 0.6, f"id:{ANA}")
    assert await school.rows() == {"ana": {1: "3.00"}}
    assert await school.asked_for("ana") == "3.00"


async def test_a_person_is_called_the_same_everywhere(school: Institution) -> None:
    """By the uuid of that moment, by id where it is another user's: in gradebooks, rollups, means, and what is served."""
    await school.outcome()
    for user, percent in ((ANA, 0.2), (BO, 0.4), (CHI, 0.6)):
        await school.user(user)
        await school.enrol(user)
        await school.work(user, percent, UUIDS[user])
    await school.enrol(CHI, "deleted")
    before = school.now()
    await school.user(BO, "ana")
    await school.user(CHI, "bo")
    names: dict[datetime | None, dict[int, str]] = {None: {ANA: f"id:{ANA}", BO: "ana"}, before: {ANA: "ana", BO: "bo"}}
    scores = {ANA: "1.00", BO: "2.00"}
    for at, called in names.items():
        assert await school.rows(at=at) == {called[user]: {1: score} for user, score in scores.items()}
        asked = (TENANT, 7, at)
        rows = await school.connection.fetch("SELECT user_id, user_uuid, score::text FROM gradebook_at($1, 7, $2)", TENANT, at)
        assert {tuple(row) for row in rows} == {(user, called[user], score) for user, score in scores.items()}
        served = await school.connection.fetch(serve_sql("gradebook_students"), *asked)
        assert {row["user_id"]: row["key"] for row in served} == called
        results = await school.connection.fetch(serve_sql("results"), *asked, list(called.values()), None, 9, 0)
        assert {row["id"]: row["user_uuid"] for row in results} == called
        keys = {one.person.user_id: one.key for one in await students_of(school.connection, TENANT, 7, at)}
        assert keys == called | {CHI: "chi" if at else "bo"}
        for student, name in keys.items():
            assert await school.asked_for(name, at) == (scores | {CHI: "3.00"})[student or 0]
    assert (await school.summary())["mean"] == Decimal("1.5")
    owners = await school.connection.fetch(canvas_sql("user_ids"), TENANT, ["ana", "bo", "chi", "nobody"])
    assert {tuple(row) for row in owners} == {("ana", BO), ("bo", CHI), ("chi", CHI)}
    details = await school.connection.fetch(serve_sql("user_details"), TENANT, [ANA, BO, CHI], None, None)
    assert {row["id"]: row["uuid"] for row in details} == {ANA: None, BO: "ana", CHI: "bo"}


async def test_who_left_is_found_by_id_when_somebody_else_has_the_uuid(school: Institution) -> None:
    """All that the user ever had in the course, under whatever uuid; what the other one did under it is not theirs."""
    await school.outcome("average")
    await school.user(ANA)
    await school.enrol(ANA)
    await school.work(1, 0.4)
    await school.work(2, 0.6, f"id:{ANA}")
    await school.enrol(ANA, "deleted")
    await school.user(BO, "ana")
    await school.enrol(BO, user_uuid="ana")
    await school.work(3, 1.0)
    assert await school.rows() == {"ana": {1: "5.00"}}
    assert (await school.asked_for(f"id:{ANA}"), await school.asked_for("ana")) == ("2.50", "5.00")


async def test_means_are_over_the_given_students_alone(school: Institution) -> None:
    """Who the students of a section are, or those who are not concluded, the roster tells; their scores stay what they are."""
    await school.outcome()
    for user, percent in ((ANA, 0.2), (BO, 0.4), (CHI, 0.9)):
        await school.enrol(user, section=70 + (user == CHI))
        await school.work(user, percent, UUIDS[user])
    row = await school.connection.fetchrow(
        "SELECT mean, students, assessed FROM course_outcome_summary_of($1, 7, NULL, NULL, user_uuids => "
        "ARRAY(SELECT user_uuid FROM course_roster_at($1, 7, NULL) WHERE 70 = ANY (sections)))",
        TENANT,
    )
    assert tuple(row) == (Decimal("1.50"), 2, 2)  # type: ignore[arg-type]


# When work was handed in


async def test_a_submission_tells_the_time_where_no_assessment_does(school: Institution) -> None:
    """Newest by submission, though assessed first; an assessment that was told is believed instead."""
    await school.outcome("latest")
    await school.user(ANA)
    asset = {"associated_asset_type": "Assignment", "artifact_type": "RubricAssessment"}
    late = iso(NOON + timedelta(days=9))
    await school.work(1, 0.4, associated_asset_id="56", artifact_id="10", **asset)
    await school.work(2, 0.8, associated_asset_id="57", artifact_id="11", assessed_at=late, **asset)
    assert await school.rows() == {"ana": {1: "4.00"}}
    before = school.now()
    work = {"submission_id": str(SHARD + 1), "assignment_id": str(SHARD + 57), "user_id": str(SHARD + ANA)}
    await school.tell("submission_updated", submitted_at=iso(NOON - timedelta(days=9)), **work)
    assert await school.rows() == {"ana": {1: "2.00"}}
    assert await school.rows(at=before) == {"ana": {1: "4.00"}}
    for told in (late, None):
        await school.tell("rubric_assessed", id="11", submitted_at=told)
        assert await school.rows() == {"ana": {1: "4.00"}}
    assert [cause for _, cause in await school.causes()] == ["new result", "new result", "submission time", "submission time"]


async def test_a_submission_of_somebody_else_tells_nothing(school: Institution) -> None:
    await school.outcome("latest")
    await school.user(ANA)
    await school.user(BO)
    asset = {"associated_asset_type": "Assignment", "artifact_type": "Submission"}
    await school.work(1, 0.4, associated_asset_id="56", **asset)
    await school.work(2, 0.8, associated_asset_id="57", **asset)
    work = {"submission_id": str(SHARD + 1), "assignment_id": str(SHARD + 57), "user_id": str(SHARD + BO)}
    await school.tell("submission_updated", submitted_at=iso(NOON - timedelta(days=9)), **work)
    assert await school.rows() == {"ana": {1: "4.00"}}


# Over time


async def test_that_a_student_left_and_came_back_are_causes(school: Institution) -> None:
    """The score of one who has left is what it would be, and goes on changing."""
    await school.outcome()
    await school.enrol(ANA)
    await school.work(1, 0.4)
    await school.enrol(ANA, "inactive")
    await school.enrol(ANA, "deleted")
    await school.work(2, 0.6)
    await school.enrol(ANA)
    await school.user(ANA, state="deleted")
    assert await school.causes() == [
        ("2.00", "new result"),
        ("2.00", "student left the course"),
        ("3.00", "new result"),
        ("3.00", "student came back to the course"),
        ("3.00", "student left the course"),
    ]
    rows = await school.connection.fetch("SELECT shown FROM mastery_timeline($1, 7, 'ana', 1)", TENANT)
    assert [row["shown"] for row in rows] == [True, False, False, True, False]


async def test_a_section_that_moves_and_a_roster_that_is_read_are_moments_of_leaving(school: Institution) -> None:
    await school.outcome()
    await school.section(70, 7)
    await school.enrol(ANA)
    await school.work(1, 0.4)
    await school.section(70, 8, "7")
    await school.section(70, 7)
    await school.work(2, 0.6, "bo")
    await school.reading()
    await school.work(3, 0.6, "bo")
    left, back = "student left the course", "student came back to the course"
    assert [cause for _, cause in await school.causes()] == ["new result", left, back]
    assert [cause for _, cause in await school.causes("bo")] == ["new result", left, f"new result, {back}"]


async def test_an_enrolment_that_is_somebody_elses_now_is_a_moment_of_whoever_had_it(school: Institution) -> None:
    """Of one that was told in this course as another user's, while it was theirs in another course."""
    await school.outcome()
    await school.user(ANA)
    await school.work(1, 0.4)
    same: dict[str, Any] = {"enrollment_id": str(SHARD + 1)}
    await school.enrol(BO, **same)
    await school.enrol(ANA, course=8, section=80, **same)
    await school.enrol(BO, **same)
    left, back = "student left the course", "student came back to the course"
    assert [cause for _, cause in await school.causes()] == ["new result", left, back]


async def test_a_section_that_moved_while_the_enrolment_was_in_it_is_a_moment_of_leaving(school: Institution) -> None:
    """Whatever section the enrolment is in now."""
    await school.outcome()
    await school.section(71, 7)
    same: dict[str, Any] = {"enrollment_id": str(SHARD + 1)}
    await school.enrol(ANA, section=71, **same)
    await school.work(1, 0.4)
    await school.section(71, 8, "7")
    left, back = "student left the course", "student came back to the course"
    await school.enrol(ANA, section=70, **same)
    assert [cause for _, cause in await school.causes()] == ["new result", left, back]


async def test_a_result_of_another_outcome_after_the_roster_was_read_is_a_moment_of_coming_back(school: Institution) -> None:
    """By whatever name of the person, and without a score too."""
    await school.outcome("average")
    await school.user(BO)
    await school.work(1, 0.4, "bo")
    await school.reading()
    await school.work(2, 0.6, "bo", learning_outcome_id="2", score=None)
    left, back = "student left the course", "student came back to the course"
    assert [cause for _, cause in await school.causes("bo")] == ["new result", left, back]
    await school.work(3, 0.6, f"id:{BO}", learning_outcome_id="2")
    assert len(await school.causes("bo")) == 3


async def test_a_result_by_a_second_name_that_is_anothers_now_brings_the_older_ones_by_it_into_the_timeline(
    school: Institution,
) -> None:
    """The person has a row already, by another name."""
    await school.outcome("average")
    await school.user(BO, "ana")
    await school.work(1, 0.2)
    await school.reading()
    made = school.now() + timedelta(minutes=1)
    await school.work(2, 0.4, f"id:{BO}")
    await school.user(ANA)
    by_id = f"id:{BO}"
    assert (await school.rows())[by_id] == {1: "2.00"}
    await school.work(3, 0.9, created_at=iso(made))
    assert (await school.rows())[by_id] == {1: "2.50"}
    assert [score for score, _ in await school.causes(by_id)][-1] == "2.50"


async def test_an_event_of_a_person_that_tells_the_courses_account_too_is_a_moment_of_the_scale(school: Institution) -> None:
    """Its metadata says where the request was made; who is in the course stays the same."""
    await school.outcome()
    await school.account(1, None)
    await school.account(2, 1)
    await school.scale(10, 7, 0, id_=2)
    await school.user(ANA)
    await school.work(1, 0.4)
    told = event("user_updated", at=school.now() + timedelta(minutes=1), user_id=str(SHARD + ANA), uuid="ana")
    told["metadata"] |= {"context_type": "Course", "context_id": str(SHARD + 7), "context_account_id": str(SHARD + 2)}
    told["metadata"].pop("root_account_id", None)
    await write(school.connection, told)
    assert await school.causes() == [("2.00", "new result"), ("4.00", "account of the course known")]
