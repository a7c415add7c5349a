"""A backfill reports faults, and completes however often it is interrupted."""

import asyncio
import json
import random
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, cast
from urllib.parse import urlsplit

import asyncpg
import pytest

from consumer.canvas.session import Session
from consumer.canvas.sql import sql
from consumer.store.postgres import connect
from consumer.store.store import Store
from tests.acceptance.running import environment, outcomes, started
from tests.canvas.content import ALGEBRA, BIOLOGY, GRAPHS, HIGH, READING, ROOT
from tests.canvas.faults import Fault, Planned
from tests.canvas.filling import client_of, counts, fill, query, state, variables_of
from tests.canvas.school import School

UNFINISHED = "SELECT id FROM backfill_run WHERE finished_at IS NULL"


@pytest.fixture
async def faultless(another_database: str, school: School) -> dict[str, Any]:
    """The result of a backfill without faults."""
    await fill(another_database, school)
    return await state(another_database)


@pytest.mark.parametrize("kind", ["throttle", "429", "500", "503", "break", "cut", "garbage"])
async def test_temporary_faults_are_retried(database: str, school: School, faultless: dict[str, Any], kind: Fault) -> None:
    """Wherever they happen: the backfill completes, as without faults."""
    for path in (
        "accounts$",
        "courses$",
        "outcome_results",
        "outcome_group_links",
        "outcome_alignments",
        "outcome_proficiency",
    ):
        school.fail(kind, times=2, path=path)
    report = await fill(database, school)
    assert report.troubles == []
    assert not any(plan.times for plan in school.planned)
    assert await state(database) == faultless


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        *(
            ("shape", path)
            for path in ("outcome_results", "outcome_groups", "outcome_alignments", "outcome_proficiency", "outcomes/")
        ),
        *(("html", path) for path in ("outcome_group_links", "accounts/1/grading_standards")),
        *(("circle", path) for path in ("outcome_results", "outcome_group_links")),
    ],
)
async def test_a_wrong_shape_ends_its_step_with_a_sentence(
    database: str, school: School, faultless: dict[str, Any], path: str, kind: Fault
) -> None:
    """The other steps are written, nothing of the answer is, and the next run completes it."""
    school.fail(kind, path=path)
    report = await fill(database, school)
    assert len(report.troubles) == 1
    assert "the rest of this step was skipped" in report.troubles[0]
    assert "secret" not in report.troubles[0]
    (run,) = report.runs
    assert (run.finished, report.finished) == (False, False)
    assert run.done == run.steps - 1
    partly = await state(database)
    assert all(set(rows) <= set(faultless[table]) for table, rows in partly.items())
    assert partly != faultless or kind == "circle" or path == "outcome_proficiency"  # its context owns no scale
    assert (await fill(database, school)).troubles == []
    assert await state(database) == faultless


@pytest.mark.parametrize("kind", ["forbidden", "forbidden401"])
@pytest.mark.parametrize(
    "path",
    [
        "accounts/3/grading_standards",
        "courses/101/outcome_results",
        "courses/101/outcome_alignments",
        "accounts/1/outcome_proficiency",
    ],
)
async def test_a_forbidden_request_is_skipped_and_reported(database: str, school: School, kind: Fault, path: str) -> None:
    """All else is written, and the run ends: the next one requests everything again."""
    school.fail(kind, times=100, path=path)
    report = await fill(database, school)
    (run,) = report.runs
    assert (run.finished, run.done) == (False, run.steps - 1)
    assert await query(database, UNFINISHED) == []
    assert len(report.troubles) == 1
    assert "may not see this" in report.troubles[0]
    found = await state(database)
    assert {row[2] for row in found["learning_outcome_result"]} == (
        {ALGEBRA, BIOLOGY, READING} if "results" not in path else {BIOLOGY, READING}
    )
    assert len(found["grading_standard"]) == (2 if "standards" in path else 3)


class Dying:
    """Replaces a pattern: matches every request from the first one of this path on."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._dead = False

    def search(self, path: str) -> bool:
        """Whether that request has come."""
        self._dead = self._dead or self._path in path
        return self._dead


async def test_a_canvas_that_is_away_stops_it_and_the_next_run_resumes(
    database: str, school: School, faultless: dict[str, Any]
) -> None:
    """Only incomplete steps are requested again."""
    school.planned.append(Planned("500", cast(Any, Dying(f"courses/{READING}/outcome_results")), 10_000, {}))
    first = await fill(database, school)
    (run,) = first.runs
    assert not run.finished
    assert "run it again to resume here" in first.troubles[0]
    done = {row["step"] for row in await query(database, "SELECT step FROM backfill_step")}
    assert "tree" in done
    assert f"course:{READING}" not in done
    school.planned.clear()
    school.asked.clear()
    second = await fill(database, school)
    (run,) = second.runs
    assert run.finished
    assert run.resumed_from is not None
    assert run.done == run.steps == 9
    assert school.requests(f"accounts/{ROOT}/outcome_groups") == []
    assert school.requests(f"courses/{READING}/outcome_groups") != []
    assert await state(database) == faultless
    school.asked.clear()
    (run,) = (await fill(database, school)).runs
    assert run.resumed_from is None
    assert school.requests(f"accounts/{ROOT}/outcome_groups") != []


async def stopped_behind_a_course(database: str, school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """Canvas refuses the second page of a course's results, and is away two courses later."""
    monkeypatch.setattr("consumer.canvas.backfill.AT_ONCE", 1)
    school.page_size = 2
    school.fail("forbidden", times=1000, path=f"courses/{ALGEBRA}/outcome_results.*page=bookmark")
    school.planned.append(Planned("500", cast(Any, Dying(f"courses/{READING}/outcome_groups")), 10_000, {}))
    report = await fill(database, school)
    assert [f"course:{ALGEBRA}" in sentence for sentence in report.troubles] == [True, False]
    steps = {row["step"] for row in await query(database, "SELECT step FROM backfill_step")}
    assert steps & {f"course:{id_}" for id_ in (ALGEBRA, BIOLOGY, READING)} == {f"course:{BIOLOGY}"}
    assert report.runs[0].done == len(steps)
    school.asked.clear()


async def test_an_incomplete_course_is_requested_by_the_run_that_resumes(
    database: str, school: School, faultless: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not silently skipped. Complete steps are not requested again."""
    await stopped_behind_a_course(database, school, monkeypatch)
    school.planned.clear()
    report = await fill(database, school)
    (run,) = report.runs
    assert (report.troubles, run.finished, run.done) == ([], True, run.steps)
    assert school.requests(f"courses/{ALGEBRA}/outcome_results") != []
    assert school.requests(f"courses/{BIOLOGY}/") == []
    assert await state(database) == faultless


async def test_a_request_that_always_fails_does_not_keep_the_next_run_from_starting_over(
    database: str, school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run that resumes reports it again and ends; the next one resumes nothing."""
    await stopped_behind_a_course(database, school, monkeypatch)
    school.planned.pop()
    for resumed in (True, False):
        report = await fill(database, school)
        (run,) = report.runs
        assert (run.resumed_from is not None, run.finished, run.done) == (resumed, False, run.steps - 1)
        assert [f"course:{ALGEBRA}" in sentence for sentence in report.troubles] == [True]
        assert await query(database, UNFINISHED) == []
    assert school.requests(f"courses/{BIOLOGY}/") != []


async def test_a_refused_request_of_one_account_does_not_stop_another(database: str, school: School) -> None:
    """Each has its own run; the report is not finished."""
    school.accounts[9] = school.accounts[ROOT] | {"id": 9, "uuid": f"ANOTHER{9:033}"}
    school.fail("forbidden", times=100, path=f"accounts/{ROOT}/grading_standards")
    report = await fill(database, school)
    assert [(run.scope, run.finished) for run in report.runs] == [(f"account:{ROOT}", False), ("account:9", True)]
    assert report.as_json()["finished"] is False


async def test_an_unfinished_backfill_can_be_discarded(database: str, school: School, faultless: dict[str, Any]) -> None:
    """`--again` requests everything again; the next run resumes nothing."""
    school.planned.append(Planned("500", cast(Any, Dying(f"courses/{READING}/outcome_results")), 10_000, {}))
    assert not (await fill(database, school)).runs[0].finished
    school.planned.clear()
    school.asked.clear()
    (run,) = (await fill(database, school, again=True)).runs
    assert run.resumed_from is None
    assert school.requests(f"accounts/{ROOT}/outcome_groups") != []
    assert await state(database) == faultless
    assert await query(database, UNFINISHED) == []


async def test_a_course_at_which_canvas_always_fails_is_skipped(
    database: str, school: School, faultless: dict[str, Any]
) -> None:
    """Canvas answers all else, so it is not away: the others are written, and the next run starts over."""
    school.fail("500", times=10_000, path=f"courses/{READING}/outcome_groups")
    report = await fill(database, school)
    (run,) = report.runs
    assert (run.finished, run.done) == (False, run.steps - 1)
    assert len(report.troubles) == 1
    assert f"course:{READING}: GET /api/v1/courses/{READING}/outcome_groups: gave up" in report.troubles[0]
    school.planned.clear()
    report = await fill(database, school)
    assert (report.troubles, report.runs[0].resumed_from) == ([], None)
    assert await state(database) == faultless


async def test_a_clock_that_is_ahead_of_canvas_is_reported(database: str, school: School) -> None:
    """A snapshot would override events of the time between the two clocks."""
    school.date = format_datetime(datetime.now(UTC) - timedelta(minutes=5), usegmt=True)
    (sentence,) = (await fill(database, school)).troubles
    assert re.search(r"clock is (299|30\d) seconds ahead of Canvas'", sentence)
    school.date = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    assert (await fill(database, school)).troubles == []


async def test_an_unknown_token_is_reported(database: str, school: School) -> None:
    """At once, without retries."""
    client, school.token = client_of(school), "another"
    report = await fill(database, school, client=client)
    assert "OUTCOMES_CANVAS_TOKEN" in report.troubles[0]
    assert len(school.asked) == report.requests == 1


@pytest.mark.parametrize("seed", range(3))
async def test_any_mixture_of_faults_ends_complete_or_with_a_sentence(
    database: str, school: School, faultless: dict[str, Any], seed: int
) -> None:
    """Nothing wrong is written on the way, and the end is as without faults."""
    chance = random.Random(seed)
    kinds: list[Fault] = ["throttle", "429", "500", "503", "break", "cut", "garbage", "shape", "html", "circle", "forbidden"]
    for number in range(30):
        school.planned.clear()
        for _ in range(max(0, 6 - number)):
            path = chance.choice(["", "courses/", "results", "links", "proficiency", "alignments", "accounts/"])
            school.fail(chance.choice(kinds), times=chance.randrange(1, 5), path=path)
        report = await fill(database, school)
        found = await state(database)
        assert all({row[0] for row in rows} <= {row[0] for row in faultless[table]} for table, rows in found.items())
        if not report.troubles and all(run.resumed_from is None for run in report.runs):
            break
    assert report.troubles == []
    # A forbidden parent leaves the owner of a scale open; all else is exact.
    assert await state(database) == faultless


@pytest.mark.parametrize("seed", range(4))
async def test_cancelled_anywhere_it_resumes(database: str, school: School, faultless: dict[str, Any], seed: int) -> None:
    """After the steps that were written by then."""
    chance = random.Random(seed)
    for _ in range(6):
        running = asyncio.ensure_future(fill(database, school))
        await asyncio.sleep(chance.uniform(0.01, 0.12))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    report = await fill(database, school)
    assert report.troubles == []
    if report.runs[0].resumed_from is None:
        assert await state(database) == faultless
    assert (await fill(database, school)).troubles == []
    assert await state(database) == faultless


async def test_cancelled_while_it_closes_one_connection_it_closes_the_other(
    database: str, school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No connection stays open."""
    close_store, close_session = Store.close, Session.close
    closed: list[Session] = []

    async def cancelled(store: Store) -> None:
        await close_store(store)
        raise asyncio.CancelledError

    async def recorded(session: Session) -> None:
        await close_session(session)
        closed.append(session)

    monkeypatch.setattr(Store, "close", cancelled)
    monkeypatch.setattr(Session, "close", recorded)
    with pytest.raises(asyncio.CancelledError):
        await fill(database, school)
    assert len(closed) == 1


async def test_a_stop_signal_ends_it_after_the_current_write(database: str, school: School, faultless: dict[str, Any]) -> None:
    """With a sentence; the next run resumes."""
    school.fail("slow", path=f"courses/{BIOLOGY}/outcome_groups")

    @contextmanager
    def soon(stop: Callable[[], None]) -> Iterator[None]:
        timer = asyncio.get_running_loop().call_later(0.3, stop)
        yield
        timer.cancel()

    report = await fill(database, school, signals=soon)
    assert report.seconds < school.slow_seconds
    assert "stopped after" in report.troubles[0]
    assert not report.runs[0].finished
    assert (await fill(database, school)).runs[0].resumed_from is not None
    assert await state(database) == faultless


async def test_two_at_once_do_not_write_twice(database: str, school: School, faultless: dict[str, Any]) -> None:
    """One of them completes; the other says why it did not, or writes nothing."""
    reports = await asyncio.gather(fill(database, school), fill(database, school))
    troubles = [sentence for report in reports for sentence in report.troubles]
    assert len(troubles) <= 1
    assert all("another backfill or repair from the same Canvas is running" in sentence for sentence in troubles)
    await fill(database, school)
    assert await state(database) == faultless


async def lock_is_awaited(dsn: str) -> bool:
    """Whether a writer of alignments waits for another one."""
    (waiting,) = await query(
        dsn, "SELECT count(*) FROM pg_locks WHERE relation = 'outcomes.backfill_run'::regclass AND NOT granted"
    )
    return bool(waiting[0])


async def test_alignments_that_another_backfill_is_writing_are_not_written_twice(
    database: str, another_database: str, school: School, faultless: dict[str, Any]
) -> None:
    """Waits for the other one, and adds only different states."""
    rows = [list(row) for row in await query(another_database, "SELECT * FROM outcome_alignment_version ORDER BY 2, 3, 5")]
    rows[0][6] = "Renamed since"
    other = await connect(database)
    try:
        async with other.transaction():
            await other.execute(sql("alignments_lock"))
            await other.copy_records_to_table("outcome_alignment_version", records=[tuple(row) for row in rows])
            running = asyncio.ensure_future(fill(database, school))
            while not running.done() and not await lock_is_awaited(database):  # noqa: ASYNC110 - Postgres sends no event
                await asyncio.sleep(0.01)
        assert (await running).troubles == []
    finally:
        await other.close()
    assert await query(database, "SELECT count(*) FROM outcome_alignment_version") == [(len(rows) + 1,)]
    assert await state(database) == faultless


async def test_a_backfill_waits_for_postgres(
    database: str, postgres_dsn: str, school: School, faultless: dict[str, Any]
) -> None:
    """It breaks all connections several times; that is said, and nothing is lost or written twice."""
    said: list[str] = []
    owner = await asyncpg.connect(postgres_dsn)
    try:
        running = asyncio.ensure_future(fill(database, school, say=said.append))
        for _ in range(5):
            await asyncio.sleep(0.06)
            await owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
                urlsplit(database).path.removeprefix("/"),
            )
        report = await running
    finally:
        await owner.close()
    assert report.troubles == []
    assert any("waiting for Postgres" in sentence for sentence in said)
    assert await state(database) == faultless
    assert counts(await fill(database, school), "written") == {}


async def test_a_scale_that_canvas_cannot_have_saved_is_refused_with_a_sentence(database: str, school: School) -> None:
    """It is not quarantined: nobody could fix it there."""
    school.scales["Account", HIGH][1]["points"] = 10.0
    report = await fill(database, school)
    assert len(report.refused) == 1
    assert "points fall from rating to rating" in report.refused[0]
    assert await query(database, "SELECT count(*) FROM quarantine") == [(0,)]
    assert counts(report, "refused") == {"outcome_proficiency": 1}


async def test_what_postgres_cannot_hold_is_refused_with_a_sentence(database: str, school: School) -> None:
    """The text is not shown, and all else is written."""
    school.outcomes[GRAPHS]["title"] = "secret\0"
    school.assignments[603]["title"] = "secret\0"
    report = await fill(database, school)
    assert len(report.refused) == 1
    assert "learning_outcome 205: body.title: holds U+0000" in report.refused[0]
    assert len(report.troubles) == 1
    assert f"course:{BIOLOGY}: Postgres refuses a row" in report.troubles[0]
    assert "secret" not in report.refused[0] + report.troubles[0]
    assert len((await state(database))["learning_outcome_result"]) == len(school.results)
    assert await query(database, "SELECT count(*) FROM quarantine") == [(0,)]


async def test_killed_in_the_middle_it_resumes(database: str, school: School, faultless: dict[str, Any]) -> None:
    """SIGKILL while a course is read; the next process does the rest."""
    school.slow_seconds = 60
    school.fail("slow", times=3, path=f"courses/{READING}/outcome_results")
    school.asked.clear()
    async with started(["backfill"], environment(**variables_of(school, database))) as process:
        async with asyncio.timeout(30):
            while not school.requests(f"courses/{READING}/outcome_results"):  # noqa: ASYNC110 - another process makes the request
                await asyncio.sleep(0.01)
        await process.end(signal.SIGKILL)
    school.planned.clear()
    shown = (await outcomes("status", **variables_of(school, database)))[1]
    assert "backfills that are not finished" in shown
    code, out, err = await outcomes("backfill", "--json", **variables_of(school, database))
    assert code == 0, err
    assert json.loads(out)["runs"][0]["resumed_from"] is not None
    assert await state(database) == faultless
