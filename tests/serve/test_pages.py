"""`outcomes serve` answers people: pages that need no browser to be read, with the numbers of the SQL."""

import csv
import hashlib
import io
import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from bs4 import BeautifulSoup, Tag

from consumer.serve.pages import rendering, routing
from consumer.store.postgres import connect
from tests.postgres.test_gradebook import worked
from tests.postgres.writing import write
from tests.samples import TENANT, event
from tests.serve.serving import (
    ANA,
    BO,
    ON_ASSIGNMENT,
    OTHER,
    SHARD,
    Answer,
    Served,
    fill_people,
    minutes,
    name_people,
    of,
    school,
    served,
    token_for,
)

BOOK = "/courses/7/gradebook"
BEFORE, AFTER = minutes(20), minutes(60)
"""Account-level scales are on from minute 30."""


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(shared_database: str) -> AsyncIterator[Served]:
    """Over the small school, with names, and with what changed later. Shared: nothing here writes to it."""
    await fill_people(shared_database)
    await name_people(shared_database)
    await write(shared_database, *_later())
    await write(shared_database, *of(OTHER, school()[:3]))
    async with served(shared_database) as running:
        yield running


async def look(server: Served, path: str, status: int = 200, **headers: str) -> BeautifulSoup:
    """A page."""
    answer = await server.ask(path, **headers)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8"), answer.body
    return BeautifulSoup(answer.body, "html.parser")


def at(moment: datetime | None) -> str:
    """As an address has it."""
    return "" if moment is None else moment.isoformat().replace("+00:00", "Z")


def text(found: Tag | None) -> str:
    """What somebody reads."""
    assert found is not None
    return " ".join(found.get_text(" ").split())


def rows_of(page: BeautifulSoup) -> dict[str, list[Tag]]:
    """A table's rows by what is in their first cell."""
    table = page.select_one("table")
    assert table is not None
    return {text(row.select_one("th bdi")): row.select("td") for row in table.select("tbody tr")}


def titles(page: BeautifulSoup) -> list[str]:
    """Of the outcomes in the head of a gradebook."""
    return [text(one) for one in page.select("thead .name")]


async def asked(database: str, statement: str, *arguments: Any) -> list[dict[str, Any]]:
    """Rows of a statement."""
    connection = await connect(database)
    try:
        return [dict(row) for row in await connection.fetch(statement, *arguments)]
    finally:
        await connection.close()


# -- the gradebook --


@pytest.mark.parametrize("moment", [None, BEFORE, AFTER])
async def test_a_gradebook_shows_what_sql_tells_cell_by_cell(
    server: Served, shared_database: str, moment: datetime | None
) -> None:
    """Scores and levels, at any date: also before the scale changed."""
    page = await look(server, f"{BOOK}?at={at(moment)}" if moment else BOOK)
    rows = await asked(shared_database, "SELECT * FROM gradebook_at($1, 7, $2)", TENANT, moment)
    shown = rows_of(page)
    columns = {title: n for n, title in enumerate(titles(page))}
    labels = _labels(page)
    assert len(shown) == len({row["user_uuid"] for row in rows}) > 3
    for row in rows:
        name = {"Reading": "Read"}.get(row["title"], row["title"])
        cell = shown[labels[str(row["user_id"] or row["user_uuid"])]][columns[name]]
        if row["score"] is None:
            assert cell.select_one("b") is None
            continue
        assert text(cell.select_one("b")) == f"{row['score']:.2f}"
        assert text(cell.select_one("small")) == (row["rating"] or "below the lowest")
    assert sum(row["score"] is not None for row in rows) == len(page.select("tbody td b")) > 3


def _labels(page: BeautifulSoup) -> dict[str, str]:
    """What students are called, by id or uuid, as the addresses of their reports have it."""
    links = page.select("tbody th a")
    return {str(one["href"]).split("students/")[1].split("?")[0].removeprefix("uuid:"): text(one) for one in links}


async def test_the_head_tells_how_the_class_is_spread(server: Served, shared_database: str) -> None:
    """The bar's words and the share are those of the summary; mean and median stand below."""
    page = await look(server, BOOK)
    summary = await asked(
        shared_database, "SELECT * FROM course_outcome_summary_of($1, 7) ORDER BY learning_outcome_id", TENANT
    )
    heads = page.select("thead th")[1:]
    assert len(summary) == len(heads) == 2
    for head, row, place in zip(heads, summary, range(2), strict=True):
        assert f"{round(100 * row['mastered'] / row['assessed'])} % of {row['assessed']} at mastery" in text(head)
        means, medians = ([text(one) for one in foot.select("td b")] for foot in page.select("tfoot tr"))
        assert (means[place], medians[place]) == (f"{row['mean']:.2f}", f"{row['median']:.2f}")


async def test_two_dates_beside_each_other_show_what_sql_says_has_changed(server: Served, shared_database: str) -> None:
    """Steps in the cells, counts in the head, and that the scale is another one; or both by one scale."""
    for one_scale in (False, True):
        asked_for = f"at={at(AFTER)}&compare={at(BEFORE)}" + ("&one_scale=1" if one_scale else "")
        page = await look(server, f"{BOOK}?{asked_for}")
        changes = await asked(
            shared_database,
            "SELECT * FROM mastery_change($1, 7, $2, $3, NULL, $4)",
            TENANT,
            BEFORE,
            AFTER,
            AFTER if one_scale else None,
        )
        steps = [row["score"] - row["score_before"] for row in changes if None not in (row["score"], row["score_before"])]
        shown = [text(one) for one in page.select("tbody .up, tbody .down")]
        assert sorted(f"{step:+.2f}" for step in steps if step) == sorted(one[2:].replace("−", "-") for one in shown)
        assert sum("▲" in one for one in shown) == sum(step > 0 for step in steps)
        heads = [text(one) for one in page.select("thead th")[1:]]
        for mark, signs in (("rose", [step > 0 for step in steps]), ("fell", [step < 0 for step in steps])):
            assert sum(int(one) for head in heads for one in re.findall(rf"(\d+) {mark}", head)) == sum(signs) > 0
        assert any("scale changed" in one for one in heads) is not one_scale


def _later() -> list[dict[str, Any]]:
    """Scores that fell and rose, and a course whose name a spreadsheet would run."""
    formula = {"course_id": str(SHARD + 9), "account_id": str(SHARD + 3), "name": "=<script>alert(1)</script>"}
    return [
        worked(1, ANA, 1, 0.2, minute=55, **ON_ASSIGNMENT),
        worked(91, BO, 1, 1.0, minute=56),
        event("course_updated", at=minutes(1), **formula),
    ]


async def test_students_are_sorted_by_a_score_and_paged(server: Served) -> None:
    """Who has no score comes last both ways; each is on one page; the links of the pages lead to the others."""
    up, down = [(await look(server, f"{BOOK}?sort=1&order={order}")) for order in ("asc", "desc")]

    def scores(page: BeautifulSoup) -> list[str | None]:
        return [text(cells[0].select_one("b")) if cells[0].select_one("b") else None for cells in rows_of(page).values()]

    told = [float(one) for one in scores(up) if one is not None]
    assert told == sorted(told)
    assert [one for one in scores(down) if one is not None] == [f"{one:.2f}" for one in sorted(told, reverse=True)]
    assert scores(up)[-1] is scores(down)[-1] is None
    assert (up.select('th[aria-sort="ascending"]') and down.select('th[aria-sort="descending"]')) != []
    everybody, found, path = list(rows_of(await look(server, BOOK))), [], f"{BOOK}?per_page=2"
    while path:
        page = await look(server, path)
        found += list(rows_of(page))
        following = page.select_one('a[rel="next"]')
        path = str(following["href"]) if following else ""
    assert found == everybody


async def test_a_section_and_the_switches_leave_out_whom_they_name(server: Served) -> None:
    """As the command does; who is concluded is marked, and who has left is shown where somebody asks."""
    everybody = set(rows_of(await look(server, BOOK)))
    assert {"Ana Maria Zoll", "Eve Ames", "Test Student"} < everybody
    evening = rows_of(await look(server, f"{BOOK}?section_id=72"))
    assert set(evening) == {"Eve Ames"}
    with_results = set(rows_of(await look(server, f"{BOOK}?exclude=missing-users")))
    assert everybody - with_results == {"Eve Ames", "Test Student"}
    with_left = await look(server, f"{BOOK}?left=1")
    assert len(rows_of(with_left)) == len(everybody) + 1
    assert "left" in [text(one) for one in with_left.select("tbody .badge")]
    assert "test student" in [text(one) for one in with_left.select("tbody .badge")]
    assert "Old" not in titles(with_left)


async def test_no_level_is_told_by_its_colour_alone(server: Served) -> None:
    """Each level of a scale has a shape of its own, in the legend and in the cells, and its name stands beside it."""
    page = await look(server, BOOK)
    drawings = {str(one["id"]): one.decode_contents() for one in page.select("symbol")}
    for legend in page.select(".legend"):
        used = [str(one["href"]).removeprefix("#") for one in legend.select("use")]
        shapes = [re.sub('fill="[^"]*"', "", drawings[one]) for one in used]
        assert len(set(shapes)) == len(shapes) > 2
        assert all(text(one) for one in legend.select("li"))


async def test_names_are_shown_where_they_may_be_read(database: str) -> None:
    """Without stored names a pseudonym stands there, the same as in the command."""
    await fill_people(database)
    async with served(database) as server:
        labels = list(rows_of(await look(server, BOOK)))
        assert all(re.fullmatch("student [0-9A-F]{4,}", one) for one in labels)
        await name_people(database)
        assert "Ana Maria Zoll" in rows_of(await look(server, BOOK))


async def test_a_table_is_there_as_csv_and_json(server: Served) -> None:
    """By the links below it, with the same rows."""
    page = await look(server, f"{BOOK}?at={at(AFTER)}&exclude=missing-users")
    links = {text(one): str(one["href"]) for one in page.select(".below a")}
    rows = list(csv.DictReader(io.StringIO((await server.ask(links["CSV"])).body.decode())))
    told = await server.get(links["JSON"])
    assert len(rows) == len(rows_of(page)) * 2
    assert sorted(row["student_name"] or row["student_pseudonym"] for row in rows)[::2] == sorted(rows_of(page))
    assert [one["user_uuid"] for one in told["students"]] == [row["user_uuid"] for row in rows][::2]
    assert told["at"] == "2025-03-20T13:00:00Z"


async def test_no_cell_of_a_csv_is_a_formula(server: Served) -> None:
    """A course whose name would run in a spreadsheet."""
    body = (await server.ask("/courses.csv")).body.decode()
    assert "'=<script>" in body
    assert not re.search(r'(^|,)"?[=+@-]', body, re.MULTILINE)


# -- what all pages share --


async def test_pages_load_nothing_from_elsewhere_and_run_nothing_of_their_own(server: Served) -> None:
    """The policy says so, and no page breaks it."""
    for path in ("/", BOOK, "/courses/99/gradebook"):
        answer = await server.ask(path)
        assert answer.headers.get("Content-Security-Policy") == routing.POLICY
        assert "unsafe" not in routing.POLICY
        page = BeautifulSoup(answer.body, "html.parser")
        assert not page.select("style, [style], [onclick], script:not([src])")
        for element in page.select("script[src], link[href], img[src]"):
            address = str(element.get("src") or element.get("href"))
            assert address.startswith("/static/")
            assert (await server.ask(address)).status == 200


async def test_the_script_is_the_package_s_own_file() -> None:
    """Its version stands in its name, and its digest in the code."""
    assert hashlib.sha256(rendering.static(rendering.SCRIPT)).hexdigest() == rendering.SCRIPT_SHA256
    assert f'version:"{rendering.SCRIPT.removeprefix("htmx-").removesuffix(".min.js")}"'.encode() in rendering.static(
        rendering.SCRIPT
    )


async def test_an_address_is_clean_and_says_its_moment(server: Served) -> None:
    """Empty fields of a form are left out, a moment without a zone is UTC, and a page of now has a link to now."""
    answer = await server.session.get(
        f"{server.base}{BOOK}?at=2025-03-20T13:00&compare=&section_id=",
        headers={"Authorization": f"Bearer {server.token}"},
        allow_redirects=False,
    )
    assert (answer.status, answer.headers["Location"]) == (303, f"{BOOK}?at=2025-03-20T13%3A00Z")
    assert "20 Mar 2025, 13:00 UTC" in text(await look(server, answer.headers["Location"]))
    link = next(one for one in (await look(server, BOOK)).select(".when a") if text(one) == "Link to this moment")
    assert re.search(r"at=\d{4}-\d\d-\d\dT", str(link["href"]))
    assert "as of" in text((await look(server, str(link["href"]))).select_one(".when"))


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/courses/99/gradebook", 404, "does not exist"),
        ("/courses/x/gradebook", 404, "does not exist"),
        (f"{BOOK}?at=yesterday", 400, "a moment is a time with a zone"),
        (f"{BOOK}?students=1", 400, "students: is not answered here"),
        (f"{BOOK}?section_id=5", 404, "does not exist"),
        (f"{BOOK}?per_page=5000", 400, "per_page"),
    ],
)
async def test_what_is_wrong_is_a_page_in_words(server: Served, path: str, status: int, said: str) -> None:
    """No JSON, no stack."""
    assert said in text(await look(server, path, status))


async def test_nobody_sees_another_tenant_s_pages(server: Served, shared_database: str) -> None:
    """Whatever the address."""
    other = await token_for(shared_database, OTHER)
    for path in (BOOK, f"{BOOK}.csv", f"{BOOK}.json"):
        answer: Answer = await server.ask(path, token=other)
        assert answer.status == 404
    assert b"Reading" not in (await server.ask("/", token=other)).body


async def test_home_lists_courses_and_accounts_by_name(server: Served) -> None:
    """With a search, and how fresh the feed is."""
    page = await look(server, "/")
    assert [str(one["href"]) for one in page.select("tbody th a")] == [BOOK, "/courses/8/gradebook", "/courses/9/gradebook"]
    assert "Newest event" in text(page)
    assert {str(one["href"]) for one in page.select(".tree a")} >= {"/accounts/1", "/accounts/2", "/accounts/3"}
    none = await look(server, "/?search=nothing%20like%20it")
    assert "No course's name holds this text." in text(none)
