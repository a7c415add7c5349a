"""`backfill`, `reconcile` and `status` show what was done, and what is due."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.acceptance.running import outcomes
from tests.canvas.content import ALGEBRA, BIOLOGY, ELEMENTARY, HIGH, READING, ROOT, STAFF, UUID
from tests.canvas.filling import SHARD, account_event, course_event, deliver, fill, query, variables_of
from tests.canvas.roster_feed import enrollment_event, section_event, sis_batch_event
from tests.canvas.school import School
from tests.samples import event


async def test_the_command_backfills_and_reports(database: str, school: School) -> None:
    """Exit code 0 and one JSON object; 1 and a sentence if a request was refused; 2 if no Canvas is named."""
    code, out, err = await outcomes("backfill", "--json", **variables_of(school, database))
    assert code == 0, err
    report = json.loads(out)
    assert report["tables"]["learning_outcome_result"]["written"] == 8
    assert report["consumed"] == report["applied"] > 20
    school.fail("forbidden", path="accounts/1/outcome_groups")
    code, out, err = await outcomes("backfill", "--account", "1", **variables_of(school, database))
    assert code == 1
    assert "may not see this" in out
    assert school.token not in out + err
    code, out, err = await outcomes("backfill", DATABASE_URL=database)
    assert code == 2
    assert "OUTCOMES_CANVAS_URL" in err
    assert len(err.strip().splitlines()) == 1


async def test_the_status_names_the_canvas_and_does_not_ask_kafka_for_its_lag(database: str, school: School) -> None:
    """Without Kafka: a request to it would be reported."""
    await fill(database, school)
    code, out, err = await outcomes("status", **variables_of(school, database))
    assert (code, err) == (0, "")  # without a remark that Kafka does not answer
    assert school.url in out
    assert "canvas:" not in out
    assert "not finished" not in out
    (run,) = json.loads((await outcomes("status", "--json", **variables_of(school, database)))[1])["backfills"]
    assert (run["scope"], run["steps"]) == (f"account:{ROOT}", 9)
    assert run["begun_at"] < run["finished_at"]


IMPORTED = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


async def due(dsn: str) -> list[tuple[Any, ...]]:
    """Courses whose rosters are due, with the import."""
    return [tuple(row) for row in await query(dsn, "SELECT course_id, since, sis_batch_id FROM roster_due ORDER BY 1")]


async def test_rosters_below_the_account_of_a_sis_import_are_due_until_they_are_read(database: str, school: School) -> None:
    """Of the newest import that is done; `status` counts them, and `backfill --rosters --due` reads these alone."""
    variables = variables_of(school, database)
    code, out, err = await outcomes("backfill", "--rosters", "--json", **variables)
    assert (code, json.loads(out)["tables"]["roster_reading"]["written"]) == (0, 4), err
    assert await due(database) == []
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    await deliver(
        database,
        sis_batch_event(1, ROOT, "imported", IMPORTED),
        sis_batch_event(2, HIGH, "importing", IMPORTED),
        sis_batch_event(3, ELEMENTARY, "created", later),
    )
    assert await due(database) == []
    await deliver(database, sis_batch_event(2, HIGH, "imported_with_messages", later))
    assert await due(database) == [(ALGEBRA, later, 2), (BIOLOGY, later, 2)]
    code, out, err = await outcomes("status", "--no-lag", **variables)
    assert "outcomes backfill --rosters --due" in out, err
    (row,) = json.loads((await outcomes("status", "--json", **variables))[1])["rosters_due"]
    assert (row["courses"], datetime.fromisoformat(row["since"])) == (2, later)
    assert json.loads((await outcomes("status", "--json", OUTCOMES_PEOPLE="off", **variables))[1])["rosters_due"] == []
    school.asked.clear()
    await asyncio.sleep(1)
    code, out, err = await outcomes("backfill", "--rosters", "--due", "--json", **variables)
    assert code == 0, err
    assert {one.path.split("/")[4] for one in school.requests("/enrollments$")} == {str(ALGEBRA), str(BIOLOGY)}
    assert json.loads(out)["runs"][0]["steps"] == 3
    assert await due(database) == []
    assert "--due" not in (await outcomes("status", "--no-lag", **variables))[1]
    school.asked.clear()
    assert (await outcomes("backfill", "--rosters", "--due", **variables))[0] == 0
    assert school.requests("/enrollments$") == []


async def test_a_sis_import_of_the_root_account_makes_every_course_due(database: str, school: School) -> None:
    """But for deleted ones."""
    school.courses[READING]["workflow_state"] = "deleted"
    await deliver(
        database,
        *(account_event(school, id_) for id_ in school.accounts),
        *(course_event(school, id_) for id_ in school.courses),
        sis_batch_event(1, ROOT, "imported", IMPORTED),
    )
    assert [row[0] for row in await due(database)] == [ALGEBRA, BIOLOGY, STAFF]


@pytest.mark.parametrize("state", ["failed", "failed_with_messages", "aborted", "restoring", "partially_restored", "restored"])
async def test_an_import_makes_rosters_due_however_it_ended(database: str, school: School, state: str) -> None:
    """It may have changed some of them."""
    accounts = [account_event(school, id_) for id_ in school.accounts]
    courses = [course_event(school, id_) for id_ in school.courses]
    await deliver(database, *accounts, *courses, sis_batch_event(1, HIGH, state, IMPORTED))
    assert await due(database) == [(course, IMPORTED, 1) for course in (ALGEBRA, BIOLOGY)]


async def test_a_course_whose_accounts_are_not_told_up_to_the_root_may_be_below_any(database: str, school: School) -> None:
    """Also one that only an enrolment, a section or a result tells of."""
    await deliver(
        database,
        account_event(school, HIGH),
        course_event(school, READING),
        course_event(school, ALGEBRA),
        enrollment_event(school, next(iter(school.enrollments)), course_id=str(SHARD + 901)),
        section_event(school, next(iter(school.sections)), course_id="902"),
        event("learning_outcome_result_updated", tenant=UUID, result_context_id="903"),
        sis_batch_event(1, ROOT, "imported", IMPORTED),
    )
    assert [row[0] for row in await due(database)] == sorted((ALGEBRA, READING, 901, 902, 903))
    told = [account_event(school, id_) for id_ in school.accounts if id_ != ELEMENTARY]
    await deliver(database, *told, sis_batch_event(1, ELEMENTARY, "restored", IMPORTED + timedelta(1)))
    assert [row[0] for row in await due(database)] == sorted((READING, 901, 902, 903))


async def test_due_rosters_are_rosters(database: str, school: School) -> None:
    """`--due` alone is refused, and so is `--rosters` where none are stored."""
    for options, setting, word in ((["--due"], "ids", "--rosters"), (["--rosters"], "off", "OUTCOMES_PEOPLE")):
        code, out, err = await outcomes("backfill", *options, OUTCOMES_PEOPLE=setting, **variables_of(school, database))
        assert code == 2, out
        assert word in err
    assert school.asked == []


async def test_reconcile_compares_rosters(database: str, school: School) -> None:
    """With the same flag: each difference once, exit code 1, and without a name."""
    variables = variables_of(school, database)
    code, out, err = await outcomes("reconcile", "--rosters", "--repair", "--json", **variables)
    assert code == 1, err
    found = json.loads(out)
    assert (found["differences_in_all"], found["repaired"]) == (41, 41)
    assert "Ash" not in out
    code, out, err = await outcomes("reconcile", "--rosters", **variables)
    assert (code, "no difference" in out) == (0, True), err
