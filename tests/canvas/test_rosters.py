"""A backfill of rosters makes people and places equal to Canvas, also where Canvas changed them without an event."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumer.canvas import roster_survey
from consumer.errors import UsageError
from tests.canvas.content import ALGEBRA, ANN, BEN, BIOLOGY, CEM, DORA, READING, STAFF
from tests.canvas.filling import (
    counts,
    deliver,
    differences,
    digest,
    feed_of,
    fill,
    query,
    result_event,
)
from tests.canvas.people import (
    ADMIN,
    ANN_EVENING,
    ANN_MORNING,
    BEN_MORNING,
    CEM_EVENING,
    DORA_READING,
    EVENING,
    MORNING,
    TEACHER,
    TEACHING,
    TERM,
    TEST_STUDENT,
    TESTING,
)
from tests.canvas.roster_feed import (
    assignment_event,
    enrolled,
    enrollment_event,
    read_rosters,
    roster_feed,
    rosters,
    section_event,
    user_event,
)
from tests.canvas.school import School

COURSES = {ALGEBRA, BIOLOGY, READING, STAFF}


@pytest.fixture
async def known(database: str, school: School) -> str:
    """A projection with all that the feed and REST tell of the school's people."""
    await deliver(database, *roster_feed(school), *feed_of(school))
    assert (await fill(database, school, rosters=True)).troubles == []
    return database


async def same_without_feed(dsn: str, another: str, school: School) -> None:
    """The projection's people and places are those of one that REST alone filled, but for what REST does not show."""
    assert (await fill(another, school, rosters=True)).troubles == []
    ours, remote = await rosters(dsn), await rosters(another)
    tables = ("assignment", "assignment_detail", "course_detail", "course_section", "enrollment_term", "user_past_uuid")
    assert {table: ours[table] for table in tables} == {table: remote[table] for table in tables}
    live = [row for row in ours["enrollment"] if row[-1] != "deleted"]
    assert live == [row for row in remote["enrollment"] if row[-1] != "deleted"]


# What it writes


async def test_an_empty_projection_becomes_the_schools_rosters(database: str, school: School) -> None:
    """Terms, courses' details, assignments, sections, users with uuids, enrolments of all types; and nothing of outcomes."""
    report = await fill(database, school, rosters=True)
    assert report.troubles == []
    found = await rosters(database)
    assert [(row[0], row[1], row[3], row[4], row[5], row[6], row[8]) for row in found["enrollment"]] == [
        (
            id_,
            row["course_id"],
            row["user_id"],
            school.user_row(row["user_id"])["uuid"],
            row["course_section_id"],
            row["type"],
            "active",
        )
        for id_, row in school.enrollments.items()
    ]
    people = (*school.users, TEACHER, TEST_STUDENT)
    assert found["canvas_user"] == [
        (id_, school.user_row(id_)["uuid"], datetime(2024, 8, 1, 8, tzinfo=UTC), "registered") for id_ in people
    ]
    assert found["user_identity"] == [(id_, school.user_row(id_)["uuid"]) for id_ in people]
    assert [row[:4] for row in found["course_section"]] == [
        (id_, row["course_id"], None, row["name"]) for id_, row in school.sections.items()
    ]
    assert [row[:3] for row in found["assignment"]] == [
        (id_, row["course_id"], row["title"]) for id_, row in school.assignments.items()
    ]
    assert [(row[0], row[-1]) for row in found["enrollment_term"]] == [(TERM, "active"), (TERM + 1, "deleted")]
    assert {row[:2] for row in found["course_detail"]} == {(id_, TERM) for id_ in COURSES}
    assert await read_rosters(database) == COURSES
    assert await query(database, "SELECT count(*) FROM learning_outcome_result") == [(0,)]
    assert school.requests("outcome") == []


async def test_without_the_flag_it_requests_no_roster(database: str, school: School) -> None:
    """Neither does a reconciliation."""
    await fill(database, school)
    await differences(database, school)
    assert school.requests("/users|/enrollments|/sections|/assignments|/terms") == []
    assert await read_rosters(database) == set()


async def test_a_second_backfill_writes_no_version(known: str, school: School) -> None:
    """It only notes that the rosters were read again."""
    before, readings = await digest(known), await query(known, "SELECT count(*) FROM roster_reading")
    report = await fill(known, school, rosters=True)
    assert (report.books.consumed, counts(report, "written")) == (0, {"roster_reading": 4})
    assert await query(known, "SELECT count(*) FROM roster_reading") == [(readings[0][0] + 4,)]
    assert (await digest(known)).split()[0] == before.split()[0]


async def test_after_the_whole_feed_it_adds_what_only_rest_tells(database: str, school: School) -> None:
    """Nothing of what an event told is written again."""
    await deliver(database, *roster_feed(school))
    report = await fill(database, school, rosters=True)
    assert counts(report, "written") == {"assignment_detail": 4, "course_detail": 4, "enrollment_term": 2, "roster_reading": 4}


async def test_a_dry_run_writes_nothing(database: str, school: School) -> None:
    """It counts a user of two courses once."""
    report = await fill(database, school, rosters=True, writing=False)
    assert counts(report, "written")["canvas_user"] == 6
    assert counts(report, "written")["enrollment"] == 9
    assert await read_rosters(database) == set()
    assert not any((await rosters(database)).values())


async def test_rosters_need_a_setting_that_stores_them(database: str, school: School) -> None:
    """With `off`, nothing is requested."""
    with pytest.raises(UsageError, match="OUTCOMES_PEOPLE"):
        await fill(database, school, people="off", rosters=True)
    assert school.asked == []


async def test_with_ids_no_name_reaches_the_projection_or_the_report(database: str, school: School) -> None:
    """Neither a login nor a SIS id of a person."""
    report = await fill(database, school, rosters=True)
    done = await differences(database, school, rosters=True)
    connection_text = await query(database, "SELECT string_agg(t::text, ' ') FROM canvas_user_version t")
    texts = [str(connection_text[0][0]), json.dumps(report.as_json(), default=str), json.dumps(done.as_json(), default=str)]
    texts.append(str(await query(database, "SELECT * FROM person_name")))
    texts.append(str(await query(database, "SELECT * FROM unknown_value")))
    for id_ in (*school.users, TEACHER, TEST_STUDENT):
        given, family = school.user_row(id_)["name"].split()
        assert not any(word in text for text in texts for word in (given, family, f"S-{id_}", f"{family.lower()}{id_}"))


# What Canvas changed without an event


async def test_a_sis_import_that_drops_students_silently(known: str, school: School) -> None:
    """Only the list with deleted enrolments tells."""
    school.drop(BEN_MORNING, ANN_EVENING)
    report = await fill(known, school, rosters=True)
    assert counts(report, "written") == {"enrollment": 2, "roster_reading": 4}
    assert (BEN, BEN_MORNING) not in await enrolled(known, ALGEBRA)
    assert (ANN, ANN_MORNING) in await enrolled(known, ALGEBRA)
    assert await query(known, "SELECT workflow_state FROM enrollment WHERE id = $1", BEN_MORNING) == [("deleted",)]


async def test_a_dropped_enrolment_that_no_event_told_is_known(database: str, school: School) -> None:
    """Its student has left: that differs from never having been there."""
    school.drop(BEN_MORNING)
    await fill(database, school, rosters=True)
    assert await query(database, "SELECT workflow_state FROM enrollment WHERE id = $1", BEN_MORNING) == [("deleted",)]


@pytest.mark.parametrize("page_size", [100, 3])
async def test_an_enrolment_that_canvas_shows_nowhere_is_deleted(known: str, school: School, page_size: int) -> None:
    """Of several pages, the list is read twice before."""
    school.page_size = page_size
    del school.enrollments[CEM_EVENING]
    school.asked.clear()
    report = await fill(known, school, rosters=True)
    assert counts(report, "written") == {"enrollment": 1, "roster_reading": 4}
    assert await query(known, "SELECT workflow_state FROM enrollment WHERE id = $1", CEM_EVENING) == [("deleted",)]
    pages = [one for one in school.requests(f"courses/{ALGEBRA}/enrollments") if "bookmark" not in one.raw_path]
    assert len(pages) == (1 if page_size == 100 else 2)


async def test_a_deleted_section_takes_its_enrolments_along(known: str, school: School) -> None:
    """Canvas deletes sections of SIS imports without an event."""
    school.sections[EVENING]["workflow_state"] = "deleted"
    await fill(known, school, rosters=True)
    assert await enrolled(known, ALGEBRA) == {
        (ANN, ANN_MORNING),
        (BEN, BEN_MORNING),
        (TEACHER, TEACHING),
        (TEST_STUDENT, TESTING),
    }
    assert await query(known, "SELECT workflow_state FROM course_section WHERE id = $1", EVENING) == [("deleted",)]


@pytest.mark.parametrize("told", [False, True])
async def test_a_cross_listed_section_takes_its_enrolments_along(
    known: str, another_database: str, school: School, told: bool
) -> None:
    """Whether or not the event of the section came."""
    school.cross_list(EVENING, BIOLOGY)
    if told:
        await deliver(known, section_event(school, EVENING, datetime.now(UTC)))
    assert (await fill(known, school, rosters=True)).troubles == []
    await same_without_feed(known, another_database, school)
    assert {id_ for _, id_ in await enrolled(known, BIOLOGY)} >= {ANN_EVENING, CEM_EVENING}
    assert not {id_ for _, id_ in await enrolled(known, ALGEBRA)} & {ANN_EVENING, CEM_EVENING}


async def test_a_section_that_left_for_a_course_which_is_not_read_is_gone_from_this_one(known: str, school: School) -> None:
    """Until the other course is read."""
    school.cross_list(EVENING, BIOLOGY)
    await fill(known, school, rosters=True, course=ALGEBRA)
    assert not {id_ for _, id_ in await enrolled(known, ALGEBRA)} & {ANN_EVENING, CEM_EVENING}
    await fill(known, school, rosters=True, course=BIOLOGY)
    assert {id_ for _, id_ in await enrolled(known, BIOLOGY)} >= {ANN_EVENING, CEM_EVENING}


async def test_enrolments_that_a_section_has_taken_along_are_not_deleted(known: str, school: School) -> None:
    """The section's event told where they are, although the new course is not read."""
    school.cross_list(EVENING, BIOLOGY)
    await deliver(known, section_event(school, EVENING, datetime.now(UTC)))
    assert (await fill(known, school, rosters=True, course=ALGEBRA)).troubles == []
    states = await query(known, "SELECT workflow_state FROM enrollment WHERE course_section_id = $1", EVENING)
    assert {row[0] for row in states} == {"active"}


# Merges


@pytest.mark.parametrize("uuid_moves", [False, True])
async def test_a_merge_is_known_with_its_uuids(known: str, school: School, uuid_moves: bool) -> None:
    """Either the uuid moves to the user who remains, or it stays behind as a past uuid in each course."""
    old, remaining = school.users[CEM]["uuid"], school.users[DORA]["uuid"]
    school.merge(CEM, DORA, uuid_moves=uuid_moves)
    assert (await fill(known, school, rosters=True)).troubles == []
    found = await rosters(known)
    assert found["user_merge"] == [(CEM, DORA)]
    assert await query(known, "SELECT workflow_state FROM canvas_user WHERE id = $1", CEM) == [("deleted",)]
    assert (DORA, CEM_EVENING) in await enrolled(known, ALGEBRA)
    assert found["user_past_uuid"] == ([] if uuid_moves else [(ALGEBRA, DORA, old)])
    identities = {(DORA, remaining), (CEM, old), *([(DORA, old), (CEM, school.users[CEM]["uuid"])] if uuid_moves else [])}
    assert {row for row in found["user_identity"] if row[0] in (CEM, DORA)} == identities
    assert (await fill(known, school, rosters=True)).books.consumed == 0


async def test_a_merge_that_canvas_took_back_is_withdrawn(known: str, school: School) -> None:
    """The user who is shown in a course again is merged into nobody."""
    theirs = [id_ for id_, row in school.enrollments.items() if row["user_id"] == CEM]
    before = await enrolled(known, ALGEBRA)
    school.merge(CEM, DORA, uuid_moves=False)
    await fill(known, school, rosters=True)
    assert await enrolled(known, ALGEBRA) != before
    school.split(CEM, theirs)
    assert (await fill(known, school, rosters=True)).troubles == []
    assert (await rosters(known))["user_merge"] == [(CEM, None)]
    assert await enrolled(known, ALGEBRA) == before
    assert (await fill(known, school, rosters=True)).books.consumed == 0


async def test_users_who_are_gone_are_requested_once_and_only_so_many(
    known: str, school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A student who merely dropped a course is not requested, and one of two courses is requested once."""
    school.drop(BEN_MORNING)
    school.merge(ANN, DORA, uuid_moves=False)
    school.asked.clear()
    await fill(known, school, rosters=True)
    assert [one.path for one in school.requests(r"/users/\d+$")] == [f"/api/v1/users/{ANN}"]
    monkeypatch.setattr(roster_survey, "MAX_GONE_USERS", 0)
    school.merge(CEM, DORA, uuid_moves=False)
    school.asked.clear()
    await fill(known, school, rosters=True)
    assert school.requests(r"/users/\d+$") == []


async def test_a_user_whom_canvas_does_not_show_proves_nothing(known: str, school: School) -> None:
    """They may be deleted, or the token's user may not see them. The roster is whole without them."""
    del school.enrollments[CEM_EVENING]
    school.deleted_users.add(CEM)
    report = await fill(known, school, rosters=True)
    assert report.troubles == []
    assert await query(known, "SELECT workflow_state FROM canvas_user WHERE id = $1", CEM) == [("registered",)]
    assert counts(report, "written")["roster_reading"] == 4


# Whether the roster counts as read


@pytest.mark.parametrize("page_size", [1, 100])
async def test_short_pages_do_not_end_a_list(database: str, school: School, page_size: int) -> None:
    """Canvas takes the test student out of pages that it has cut, so a page may be empty. The enrolments show them."""
    school.page_size, school.hides_test_student = page_size, True
    school.enrollments = {TESTING: school.enrollments.pop(TESTING), **school.enrollments}
    report = await fill(database, school, rosters=True)
    assert report.troubles == []
    assert len(await enrolled(database, ALGEBRA)) == 6
    assert (TEST_STUDENT, school.others[TEST_STUDENT]["uuid"]) in (await rosters(database))["user_identity"]
    assert await read_rosters(database) == COURSES


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "forbidden") for name in ("assignments", "sections", "enrollments", "users")),
        *(("enrollments", kind) for kind in ("forbidden401", "rejected", "missing")),
    ],
)
async def test_a_roster_with_a_refused_list_counts_as_not_read(database: str, school: School, kind: Any, name: str) -> None:
    """The other courses count as read, the report has one sentence, and the next run requests the course again."""
    school.fail(kind, path=f"courses/{ALGEBRA}/{name}")
    report = await fill(database, school, rosters=True)
    assert len(report.troubles) == 1
    assert re.search(rf"courses/{ALGEBRA}/{name}.*the roster counts as not read", report.troubles[0])
    assert await read_rosters(database) == COURSES - {ALGEBRA}
    assert not report.finished
    assert (await fill(database, school, rosters=True)).troubles == []
    assert await read_rosters(database) == COURSES


@pytest.mark.parametrize(
    ("name", "kind", "page"),
    [
        *((name, "500", page) for name in ("sections", "enrollments", "users") for page in (1, 2)),
        *(("enrollments", kind, 2) for kind in ("shape", "html")),
    ],
)
async def test_a_roster_with_a_failed_page_counts_as_not_read(
    database: str, school: School, kind: Any, name: str, page: int
) -> None:
    """Nor does an enrolment count as deleted that such a list did not show."""
    await deliver(database, *roster_feed(school))
    school.page_size = 1
    school.fail(kind, times=100, path=f"courses/{ALGEBRA}/{name}\\?" + (".*page=bookmark" if page == 2 else ""))
    report = await fill(database, school, rosters=True)
    assert len(report.troubles) == 1
    assert f"course:{ALGEBRA}" in report.troubles[0]
    assert await read_rosters(database) == COURSES - {ALGEBRA}
    assert len(await enrolled(database, ALGEBRA)) == 6
    assert "Ash" not in report.troubles[0]


async def test_a_token_that_is_limited_to_sections_reads_no_roster(database: str, school: School) -> None:
    """Its user would seem to be in a smaller course. A teacher with such a limit, who is somebody else, changes nothing."""
    limited = school.enrollments[TEACHING]
    limited["limit_privileges_to_course_section"] = True
    assert (await fill(database, school, rosters=True, course=ALGEBRA)).troubles == []
    school.own_id = TEACHER
    report = await fill(database, school, rosters=True, course=ALGEBRA)
    assert ["limited to sections of this course" in sentence for sentence in report.troubles] == [True]
    assert await query(database, "SELECT count(*) FROM roster_reading") == [(1,)]
    school.own_id = ADMIN
    assert (await fill(database, school, rosters=True, course=ALGEBRA)).troubles == []
    assert len(await enrolled(database, ALGEBRA)) == 6


async def test_a_roster_of_students_whose_uuids_are_unknown_counts_as_not_read(database: str, school: School) -> None:
    """Else their results would be those of people who are not in the course. Uuids that the feed told are enough."""
    school.hides_user_uuids = True
    report = await fill(database, school, rosters=True, course=ALGEBRA)
    assert ["no uuid of 4 of 4 students" in sentence for sentence in report.troubles] == [True]
    assert await read_rosters(database) == set()
    await deliver(database, *(user_event(school, id_) for id_ in (ANN, BEN, CEM, TEST_STUDENT)))
    assert (await fill(database, school, rosters=True, course=ALGEBRA)).troubles == []
    assert await read_rosters(database) == {ALGEBRA}


async def test_a_roster_of_which_a_row_was_refused_counts_as_not_read(database: str, school: School) -> None:
    """The sentences name the row, and nothing of its content."""
    school.sections[MORNING]["name"] = "secret\0"
    report = await fill(database, school, rosters=True)
    assert len(report.refused) == 2
    assert "course 101: 1 rows were refused, so its roster counts as not read" in report.refused
    assert not any("secret" in sentence for sentence in (*report.refused, *report.troubles))
    assert await read_rosters(database) == COURSES - {ALGEBRA}


async def test_refused_terms_are_reported(database: str, school: School) -> None:
    """Rosters are read all the same."""
    school.fail("forbidden", path="terms")
    report = await fill(database, school, rosters=True)
    assert ["accounts/1/terms" in sentence for sentence in report.troubles] == [True]
    assert await read_rosters(database) == COURSES


# Events against requests


async def test_an_event_that_is_newer_than_the_request_wins(known: str, school: School) -> None:
    """Of a user, an enrolment, a section and an assignment; also of one that Canvas does not show."""
    later = datetime.now(UTC) + timedelta(hours=1)
    events = [
        enrollment_event(school, CEM_EVENING, later),
        section_event(school, EVENING, later, name="Later"),
        user_event(school, ANN, later, workflow_state="pre_registered"),
        assignment_event(school, 601, later, title="Later"),
        enrollment_event(school, BEN_MORNING, later, workflow_state="inactive"),
    ]
    await deliver(known, *events)
    before = await rosters(known)
    del school.enrollments[CEM_EVENING], school.sections[EVENING]["name"]
    school.sections[EVENING] |= {"name": "Earlier"}
    school.users[ANN]["uuid"] = "ANOTHER"
    school.assignments[601]["title"] = "Earlier"
    assert (await fill(known, school, rosters=True)).troubles == []
    after = await rosters(known)
    for table in ("canvas_user", "enrollment", "course_section", "assignment"):
        changed = set(after[table]) - set(before[table])
        assert not {row[0] for row in changed} & {CEM_EVENING, EVENING, ANN, 601, BEN_MORNING}, table


async def test_a_feed_that_is_read_after_the_backfill_leaves_the_same_rosters(
    database: str, another_database: str, school: School
) -> None:
    """Once a backfill ran again."""
    await fill(database, school, rosters=True)
    for dsn in (database, another_database):
        await deliver(dsn, *roster_feed(school))
        await fill(dsn, school, rosters=True)
    assert await rosters(database) == await rosters(another_database)


async def test_a_pair_that_results_teach_holds_since_the_result_was_made(database: str, school: School) -> None:
    """Not since the backfill that noticed it."""
    await deliver(database, *(result_event(school, id_) for id_ in (801, 803)))
    await fill(database, school)
    (row,) = await query(database, "SELECT user_id, since FROM user_identity")
    assert tuple(row) == (ANN, datetime(2025, 3, 1, 9, tzinfo=UTC))


async def test_a_result_is_named_after_the_roster(database: str, school: School) -> None:
    """Results that only REST shows get the uuid that the roster tells."""
    await fill(database, school, rosters=True)
    report = await fill(database, school)
    assert counts(report, "users_unknown") == {}
    found = {row["user_uuid"] for row in await query(database, "SELECT user_uuid FROM learning_outcome_result")}
    assert found == {school.users[id_]["uuid"] for id_ in (ANN, BEN, CEM, DORA)}


# Reconcile


async def test_reconcile_finds_what_differs_in_rosters_and_nothing_else(known: str, school: School) -> None:
    """Missing, stale and extra ones of each kind; a repair makes it equal."""
    assert (await differences(known, school, rosters=True)).total == 0
    school.drop(DORA_READING)
    school.enrollments[1200] = school.enrollments[ANN_MORNING] | {"id": 1200, "user_id": BEN, "course_section_id": EVENING}
    del school.enrollments[CEM_EVENING]
    school.sections[MORNING]["name"] = "Early"
    school.assignments[602]["workflow_state"] = "deleted"
    school.assignments[603] |= {"quiz_id": 1401, "post_manually": True}
    school.users[ANN]["uuid"] = "ANOTHER"
    school.terms[TERM]["end_at"] = "2025-06-30T00:00:00Z"
    school.courses[READING]["enrollment_term_id"] = TERM + 1
    before = await digest(known)
    done = await differences(known, school, rosters=True)
    assert {(one.kind, one.table, one.key["id"]) for one in done.differences} == {
        ("stale", "enrollment", DORA_READING),
        ("missing", "enrollment", 1200),
        ("extra", "enrollment", CEM_EVENING),
        ("stale", "course_section", MORNING),
        ("extra", "assignment", 602),
        ("stale", "assignment_detail", 603),
        ("stale", "canvas_user", ANN),
        ("stale", "enrollment", ANN_MORNING),
        ("stale", "enrollment", ANN_EVENING),
        ("stale", "enrollment", ANN_EVENING + 1),
        ("stale", "enrollment_term", TERM),
        ("stale", "course_detail", READING),
    }
    assert (done.repaired, done.report.troubles) == (0, [])
    assert await digest(known) == before
    repaired = await differences(known, school, rosters=True, repair=True)
    assert repaired.repaired == repaired.total == done.total
    assert (await differences(known, school, rosters=True)).total == 0


async def test_reconcile_finds_a_past_uuid(known: str, school: School) -> None:
    """It has no version; a repair stores it."""
    school.past_uuids[ALGEBRA, ANN] = "PAST"
    for repair, total in ((False, 1), (True, 1), (False, 0)):
        done = await differences(known, school, rosters=True, repair=repair)
        assert (done.total, done.counts["missing"]) == (total, total)
    assert (await rosters(known))["user_past_uuid"] == [(ALGEBRA, ANN, "PAST")]


# Names


async def names(dsn: str) -> dict[int, tuple[Any, ...]]:
    """Names, logins and SIS ids by user."""
    found = await query(dsn, "SELECT user_id, name, sortable_name, login, sis_user_id FROM person_name")
    return {row[0]: tuple(row)[1:] for row in found}


async def test_with_names_they_are_stored_beside_and_stand_in_no_report(database: str, school: School) -> None:
    """A new name is written once, although nothing else of the user changed. So is each where names are wanted only now."""
    await fill(database, school, rosters=True)
    report = await fill(database, school, rosters=True, people="names")
    assert counts(report, "written") == {"canvas_user": 6, "roster_reading": 4}
    assert (await names(database))[ANN] == ("Ann Ash", "Ash, Ann", "ash501", "S-501")
    assert (await fill(database, school, rosters=True, people="names")).books.consumed == 0
    school.users[ANN] |= {"name": "Ann Alder", "sortable_name": "alder, ann"}
    done = await differences(database, school, rosters=True, people="names")
    assert {(one.kind, one.table, one.key["id"]) for one in done.differences} == {("stale", "canvas_user", ANN)}
    texts = (json.dumps(done.as_json(), default=str), repr(done.differences), repr(done.report))
    assert not any(word in text for text in texts for word in ("Alder", "alder", "Ash"))
    for written in (1, 0):
        report = await fill(database, school, rosters=True, people="names")
        assert counts(report, "written").get("canvas_user", 0) == written
    assert (await names(database))[ANN] == ("Ann Alder", "alder, ann", "alder501", "S-501")
    await fill(database, school, rosters=True)
    assert await names(database) == {}
