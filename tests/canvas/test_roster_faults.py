"""A backfill of rosters completes however often it is interrupted, and a roster never counts as read too early."""

import asyncio
import random
import signal
from typing import Any

import pytest

from tests.acceptance.running import environment, outcomes, started
from tests.canvas.content import ALGEBRA, BIOLOGY, CEM, DORA
from tests.canvas.faults import Fault
from tests.canvas.filling import deliver, fill, query, variables_of
from tests.canvas.people import ANN_EVENING, BEN_MORNING, CEM_EVENING, EVENING
from tests.canvas.roster_feed import read_rosters, roster_feed, rosters
from tests.canvas.school import School

COURSES = {101, 102, 103, 104}


@pytest.fixture
async def changed(database: str, another_database: str, school: School) -> tuple[str, dict[str, Any]]:
    """A projection of the feed, and the rosters of the school, which has changed silently since."""
    for dsn in (database, another_database):
        await deliver(dsn, *roster_feed(school))
    school.drop(BEN_MORNING)
    school.cross_list(EVENING, BIOLOGY)
    school.merge(CEM, DORA, uuid_moves=True)
    assert (await fill(another_database, school, rosters=True)).troubles == []
    return database, await rosters(another_database)


async def nothing_is_missing(dsn: str, whole: dict[str, Any]) -> None:
    """In a course whose roster counts as read, the enrolments are those of the whole backfill."""
    read, found = await read_rosters(dsn), (await rosters(dsn))["enrollment"]
    live = [[row for row in rows if row[1] in read and row[-1] != "deleted"] for rows in (found, whole["enrollment"])]
    assert live[0] == live[1]


@pytest.mark.parametrize("kind", ["throttle", "429", "500", "break", "cut", "garbage"])
async def test_temporary_faults_are_retried(changed: tuple[str, dict[str, Any]], school: School, kind: Fault) -> None:
    """Wherever they happen."""
    dsn, whole = changed
    for path in ("terms", "sections", "enrollments", "courses/101/users", "assignments", r"users/\d+"):
        school.fail(kind, times=2, path=path)
    assert (await fill(dsn, school, rosters=True)).troubles == []
    assert not any(plan.times for plan in school.planned)
    assert await rosters(dsn) == whole
    assert await read_rosters(dsn) == COURSES


@pytest.mark.parametrize("seed", range(4))
async def test_cancelled_anywhere_it_resumes(changed: tuple[str, dict[str, Any]], school: School, seed: int) -> None:
    """The tables are those of a backfill without faults."""
    dsn, whole = changed
    chance = random.Random(seed)
    for _ in range(6):
        running = asyncio.ensure_future(fill(dsn, school, rosters=True))
        await asyncio.sleep(chance.uniform(0.02, 0.3))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await nothing_is_missing(dsn, whole)
    assert (await fill(dsn, school, rosters=True)).troubles == []
    assert (await fill(dsn, school, rosters=True)).troubles == []
    assert await rosters(dsn) == whole
    assert await read_rosters(dsn) == COURSES


@pytest.mark.parametrize("seed", range(3))
async def test_any_mixture_of_faults_ends_complete_or_with_a_sentence(
    changed: tuple[str, dict[str, Any]], school: School, seed: int
) -> None:
    """A roster counts as read only when it is."""
    dsn, whole = changed
    chance = random.Random(seed)
    school.page_size = 2
    kinds: list[Fault] = ["throttle", "500", "break", "cut", "shape", "html", "circle", "forbidden", "rejected"]
    for number in range(30):
        school.planned.clear()
        for _ in range(max(0, 6 - number)):
            path = chance.choice(["", "courses/", "sections", "enrollments", "users", "assignments", "terms"])
            school.fail(chance.choice(kinds), times=chance.randrange(1, 5), path=path)
        report = await fill(dsn, school, rosters=True)
        await nothing_is_missing(dsn, whole)
        if not report.troubles and all(run.resumed_from is None for run in report.runs):
            break
    assert report.troubles == []
    assert await rosters(dsn) == whole
    assert await read_rosters(dsn) == COURSES


@pytest.mark.parametrize("name", ["sections", "enrollments", "users"])
async def test_killed_in_the_middle_it_resumes(changed: tuple[str, dict[str, Any]], school: School, name: str) -> None:
    """SIGKILL while a roster is read: it counts as not read; the next process does the rest."""
    dsn, whole = changed
    school.slow_seconds = 60
    school.fail("slow", times=3, path=f"courses/{ALGEBRA}/{name}")
    school.asked.clear()
    async with started(["backfill", "--rosters"], environment(**variables_of(school, dsn))) as process:
        async with asyncio.timeout(30):
            while not school.requests(f"courses/{ALGEBRA}/{name}"):  # noqa: ASYNC110 - another process makes the request
                await asyncio.sleep(0.01)
        await process.end(signal.SIGKILL)
    assert ALGEBRA not in await read_rosters(dsn)
    school.planned.clear()
    code, _, err = await outcomes("backfill", "--rosters", **variables_of(school, dsn))
    assert code == 0, err
    assert await rosters(dsn) == whole
    assert await read_rosters(dsn) == COURSES


async def test_a_backfill_without_rosters_does_not_resume_one_of_rosters(database: str, school: School) -> None:
    """Nor the other way round: a completed step of the one is none of the other."""
    school.fail("500", times=1000, path=f"courses/{BIOLOGY}/|accounts/1$")
    await fill(database, school, rosters=True)
    assert await query(database, "SELECT scope FROM backfill_run WHERE finished_at IS NULL") == [("account:1 rosters",)]
    school.planned.clear()
    report = await fill(database, school)
    assert (report.troubles, report.runs[0].resumed_from) == ([], None)
    assert school.requests(f"courses/{ALGEBRA}/outcome_results") != []
    assert (await fill(database, school, rosters=True)).runs[0].resumed_from is not None


@pytest.mark.parametrize("name", ["sections", "enrollments"])
async def test_courses_that_are_read_at_once_do_not_lose_a_cross_listed_section(
    changed: tuple[str, dict[str, Any]], school: School, name: str
) -> None:
    """The new course's list is requested before the old one's, and arrives after it."""
    dsn, whole = changed
    school.fail("slow", path=f"courses/{ALGEBRA}/assignments", seconds="0.5")
    school.fail("slow", path=f"courses/{BIOLOGY}/{name}", seconds="2")
    assert (await fill(dsn, school, rosters=True)).troubles == []
    assert await rosters(dsn) == whole


async def test_deletions_wait_for_the_whole_list(changed: tuple[str, dict[str, Any]], school: School) -> None:
    """A connection that breaks on the last page deletes nobody."""
    dsn, _ = changed
    school.page_size = 1
    del school.enrollments[CEM_EVENING], school.enrollments[ANN_EVENING]
    school.fail("500", times=1000, path="enrollments.*bookmark:Mw")
    await fill(dsn, school, rosters=True, course=ALGEBRA)
    assert len(await query(dsn, "SELECT FROM enrollment WHERE workflow_state <> 'deleted'")) >= 8
