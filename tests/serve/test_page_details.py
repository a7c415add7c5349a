"""The pages behind the gradebook: a score, a student, an outcome, an account, operations. Their numbers are those of SQL."""

import csv
import io
import json
import re
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from consumer.ingest.batch import Partition
from consumer.query import rollup as rollups
from consumer.serve.app import make_app, serving
from consumer.store.postgres import connect
from tests.postgres.test_gradebook import worked
from tests.postgres.writing import write
from tests.samples import TENANT
from tests.serve.serving import (
    ANA,
    ANA_ID,
    BO,
    ON_ASSIGNMENT,
    OTHER,
    Served,
    fill_people,
    name_people,
    of,
    school,
    served,
    token_for,
)
from tests.serve.test_pages import AFTER, BEFORE, asked, at, look, rows_of, text

pytestmark = pytest.mark.asyncio(loop_scope="module")
SUMMARY = "SELECT * FROM course_outcome_summary_of($1, 7, $2)"
CELL = f"/courses/7/students/{ANA_ID}/outcomes/1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(shared_database: str) -> AsyncIterator[Served]:
    """Over the small school, with names and a record in quarantine. Shared: nothing here writes to it."""
    await fill_people(shared_database)
    await name_people(shared_database)
    await write(shared_database, worked(1, ANA, 1, 0.2, minute=55, **ON_ASSIGNMENT), worked(95, BO, 1, 0.9, minute=57))
    await write(
        shared_database,
        {"metadata": {"event_name": "course_updated"}, "body": {"secret": "x" * 9}},
        partition=Partition("broken", 0),
    )
    async with served(shared_database) as running:
        yield running


# -- a score --


@pytest.mark.parametrize("moment", [None, BEFORE])
async def test_a_score_is_explained_as_the_command_explains_it(server: Served, shared_database: str, moment: object) -> None:
    """Results, what each counts as, the formula with numbers, the scale, and each change with its cause."""
    page = await look(server, CELL + (f"?at={at(BEFORE)}" if moment else ""))
    connection = await connect(shared_database)
    try:
        found = await rollups.rollup(connection, 7, f"id:{ANA_ID}", 1, TENANT, BEFORE if moment else None)
    finally:
        await connection.close()
    assert text(page.select_one(".big")).startswith(f"{found.score:.2f}")
    assert text(page.select_one(".formula code")) == str(found.formula).replace("->", "→")
    assert [float(text(row[-1])) for row in rows_of(page).values()] == [row["value"] for row in found.results] != []
    assert "Unit 1 essay" in rows_of(page)
    assert [text(one.select_one("bdi")) for one in page.select(".levels li")] == [
        one["description"] for one in found.outcome["levels"]
    ]
    timeline = await asked(
        shared_database, "SELECT at, cause, score FROM mastery_timeline($1, 7, $2, 1) ORDER BY at DESC", TENANT, ANA
    )
    shown = [text(one.select_one("strong")).partition(" (")[0].lower() for one in page.select(".timeline li")]
    assert shown == [row["cause"] for row in timeline]
    assert sum("later" in (one.get("class") or []) for one in page.select(".timeline li")) == (
        sum(row["at"] > BEFORE for row in timeline) if moment else 0
    )


async def test_a_change_of_a_score_leads_to_its_moment(server: Served) -> None:
    """Each change is a link to the same page as it was then."""
    links = [str(one["href"]) for one in (await look(server, CELL)).select(".timeline a.time")]
    first = await look(server, links[-1])
    assert "5.00" in text(first.select_one(".big"))
    assert len(links) > 1


async def test_a_score_that_is_not_there_is_said_and_why(server: Served) -> None:
    """Somebody without a result for the outcome is not found; results that make no score say what is missing."""
    await look(server, "/courses/7/students/503/outcomes/1", 404)
    page = await look(server, f"/courses/7/students/{ANA_ID}/outcomes/2?at={at(AFTER)}")
    assert text(page.select_one(".big")) == "No score"
    assert "active result" in text(page.select_one(".score"))


async def test_the_results_of_a_score_are_there_as_csv_and_json(server: Served) -> None:
    """With the timeline in the JSON."""
    links = {text(one): str(one["href"]) for one in (await look(server, CELL)).select("p.dim a")}
    rows = list(csv.DictReader(io.StringIO((await server.ask(links["CSV"])).body.decode())))
    told = await server.get(links["JSON"])
    assert [float(row["value"]) for row in rows] == [one["value"] for one in told["results"]] != []
    assert told["changes"][-1]["score"] == told["score"]


# -- a student --


async def test_a_report_has_each_outcome_of_a_course_and_a_trend(server: Served, shared_database: str) -> None:
    """The same scores as in the gradebook, and the mean of the class beside them."""
    page = await look(server, f"/courses/7/students/{ANA_ID}?at={at(BEFORE)}")
    rows = await asked(shared_database, "SELECT * FROM gradebook_at($1, 7, $2) WHERE user_id = $3", TENANT, BEFORE, ANA_ID)
    shown = rows_of(page)
    assert len(rows) == len(shown) == 2
    for row in rows:
        cells = shown[{"Reading": "Read"}.get(row["title"], row["title"])]
        assert text(cells[1]).split()[0] == ("–" if row["score"] is None else f"{row['score']:.2f}")
        assert bool(cells[2].select_one("svg")) is (row["score"] is not None)
    [summary] = await asked(
        shared_database, "SELECT mean FROM course_outcome_summary_of($1, 7, $2) WHERE learning_outcome_id = 1", TENANT, BEFORE
    )
    assert text(shown["Read"][3]) == f"{summary['mean']:.2f}"


async def test_a_report_of_all_courses_has_each_course_with_the_student(server: Served) -> None:
    """By id, and by uuid where no id is known; a stranger is not found."""
    page = await look(server, f"/students/{ANA_ID}")
    assert [str(one["href"]) for one in page.select("h2 a")] == [f"/courses/7/students/{ANA_ID}"]
    assert text((await look(server, f"/students/uuid:{BO}")).select_one("h1")).startswith("student ")
    await look(server, "/students/987654", 404)
    await look(server, "/courses/7/students/987654", 404)
    left = await look(server, "/courses/7/students/506")
    assert text(left.select_one(".badge")) == "left"


# -- an outcome --


async def test_an_outcome_is_told_over_time_and_by_section(server: Served, shared_database: str) -> None:
    """Each row is the summary of its moment, and the change of scale stands between."""
    page = await look(server, f"/courses/7/outcomes/1?at={at(AFTER)}")
    assert len(page.select("tr.event")) == 1
    over_time, by_section = page.select("table")
    rows = over_time.select("tbody tr:not(.event)")
    assert len(rows) > 2
    for row in rows:
        moment = re.search(r"at=([^&]+)", str(row.select_one("a")["href"]))  # type: ignore[index]
        assert moment is not None
        [summary] = await asked(
            shared_database,
            "SELECT * FROM course_outcome_summary_of($1, 7, $2::text::timestamptz) WHERE learning_outcome_id = 1",
            TENANT,
            moment[1].replace("%3A", ":"),
        )
        share, assessed, mean = (text(one) for one in row.select("td.number"))
        assert (share, assessed) == (f"{round(100 * summary['mastered'] / summary['assessed'])} %", str(summary["assessed"]))
        assert mean == f"{summary['mean']:.2f}"
        levels = [level for level in json.loads(summary["levels"]) if level["count"]]
        assert [int(text(one).split()[0]) for one in row.select("svg title")] == [one["count"] for one in levels]
    assert {text(one.select_one("th")) for one in by_section.select("tbody tr")} == {"Morning", "no section is known"}
    await look(server, "/courses/7/outcomes/4", 404)


async def test_an_outcome_lists_the_courses_that_use_it(server: Served, shared_database: str) -> None:
    """With how each class is spread."""
    page = await look(server, "/outcomes/1")
    [summary] = await asked(shared_database, f"{SUMMARY} WHERE learning_outcome_id = 1", TENANT, None)
    [cells] = rows_of(page).values()
    assert text(cells[2]) == str(summary["assessed"])
    assert (await server.get("/outcomes/1.json"))[0]["mastered"] == summary["mastered"]
    await look(server, "/outcomes/987", 404)


# -- an account --


async def test_an_account_sums_up_the_courses_of_its_page(server: Served, shared_database: str) -> None:
    """By course and by outcome, at a date and beside an earlier one."""
    page = await look(server, f"/accounts/1?at={at(AFTER)}&since={at(BEFORE)}")
    now, before = [await asked(shared_database, SUMMARY, TENANT, moment) for moment in (AFTER, BEFORE)]
    [cells] = [
        one.parent.parent.select("td") for one in page.select('a[href^="/courses/7/"]') if one.parent and one.parent.parent
    ]
    assessed, mastered = (sum(row[name] for row in now) for name in ("assessed", "mastered"))
    assert [text(one) for one in cells[:2]] == [str(assessed), str(mastered)]
    was = round(100 * sum(row["mastered"] for row in before) / sum(row["assessed"] for row in before))
    trend = round(100 * mastered / assessed) - was
    assert re.sub(r"[^-\d]", "", text(cells[3]).replace("−", "-")) == str(trend)
    assert {str(one["href"]).split("?")[0] for one in page.select(".tree a")} == {"/accounts/2"}
    listed = await server.get(f"/accounts/1.json?at={at(AFTER)}&since={at(BEFORE)}")
    assert sum(one["assessed"] for one in listed) == assessed
    await look(server, "/accounts/99", 404)


async def test_an_account_of_today_is_summed_up_over_all_its_courses(server: Served, shared_database: str) -> None:
    """From kept summaries, so that an institution takes no longer than a course."""
    page = await look(server, "/accounts/1")
    rows = await asked(shared_database, "SELECT * FROM account_outcome_summary($1, 1) WHERE courses > 0", TENANT)
    table = page.select_one('[aria-label="By outcome, over all courses"]')
    assert table is not None
    shown = [[text(cell) for cell in row.select("td")] for row in table.select("tbody tr")]
    told = [[str(row["courses"]), str(row["assessed"]), f"{round(100 * row['mastered'] / row['assessed'])} %"] for row in rows]
    assert sorted(one[:3] for one in shown) == sorted(told) != []
    assert f"{sum(row['assessed'] for row in rows)} scores at mastery" in text(page.select_one(".big"))


# -- operations --


async def test_operations_show_positions_books_and_quarantine(server: Served, shared_database: str) -> None:
    """What `status` shows; a record with reason and place, and its bytes behind a click."""
    page = await look(server, "/operations")
    positions = await asked(shared_database, "SELECT * FROM stream_position")
    assert len(page.select("table")[0].select("tbody tr")) == len(positions)
    told = await server.get("/operations.json")
    assert told["books"]["consumed"] == sum(row["consumed"] for row in positions)
    listed = await look(server, "/operations/quarantine")
    link = listed.select_one("tbody th a")
    assert link is not None
    assert "xxxxxxxxx" not in text(listed)
    record = await look(server, str(link["href"]))
    assert "xxxxxxxxx" in text(record.select_one("details pre"))
    assert "open" not in record.select_one("details").attrs  # type: ignore[union-attr]


async def test_quarantine_is_shown_to_the_only_tenant_alone(database: str) -> None:
    """A record has no tenant: where there are several it could be another's. How many wait is no secret."""
    await fill_people(database)
    await write(database, {"metadata": {"event_name": "course_updated"}, "body": {}}, partition=Partition("broken", 0))
    await write(database, *of(OTHER, school()[:3]), partition=Partition("other", 0))
    async with served(database) as server:
        assert "In quarantine" in text(await look(server, "/operations"))
        await look(server, "/operations/quarantine", 404)
        await look(server, "/operations/quarantine/1", 404)


async def test_a_login_sees_what_its_roles_may(database: str) -> None:
    """A reader alone: pseudonyms where names are stored, and how much waits in quarantine, without a record."""
    await fill_people(database)
    await name_people(database)
    await write(database, {"metadata": {"event_name": "course_updated"}, "body": {}}, partition=Partition("broken", 0))
    token, owner = await token_for(database, TENANT), await connect(database)
    name = f"reader_{uuid.uuid4().hex[:12]}"
    await owner.execute(f"CREATE ROLE {name} LOGIN; GRANT outcomes_reader, outcomes_serve TO {name}")
    app = make_app(database.replace("postgres:@", f"{name}@", 1).replace("postgres@", f"{name}@", 1))
    try:
        async with serving(app, "127.0.0.1", 0) as (base, _), Served.over(base, token) as reader:
            assert all(one.startswith("student ") for one in rows_of(await look(reader, "/courses/7/gradebook")))
            assert "may not read the records" in text(await look(reader, "/operations"))
            await look(reader, "/operations/quarantine", 404)
            await owner.execute(f"GRANT outcomes_people, outcomes_writer TO {name}")
            assert "Ana Maria Zoll" in rows_of(await look(reader, "/courses/7/gradebook"))
            await look(reader, "/operations/quarantine/1")
    finally:
        await owner.execute(f"DROP ROLE {name}")
        await owner.close()
