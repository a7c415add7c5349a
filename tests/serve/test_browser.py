"""The pages in a real browser: what people see is what SQL tells, with and without JavaScript, by keyboard, light and dark.

Cheap on purpose: one simulated institution, one server, one browser. Without Chromium the tests are skipped, and the head of
the run says so.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from consumer.query.gradebook import gradebook
from consumer.serve.pages.file import gradebook_file
from consumer.store.postgres import connect
from tests import WHOLE
from tests.chromium import CHROMIUM
from tests.serve.browsing import CHANGED, COURSE, Site, site

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"),
]
EVENTS = 2_500
BOOK = f"/courses/{COURSE}/gradebook"
BEFORE = datetime(2025, 3, 9, tzinfo=UTC)
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""What the dark colours can change."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def institution(shared_database: str) -> AsyncIterator[Site]:
    """One for all tests here."""
    async with site(shared_database, EVENTS) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def page(institution: Site) -> AsyncIterator[Page]:
    """A tab, in which no page may fail to load something or break its own policy."""
    opened = await institution.page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    await opened.context.close()
    assert complaints == []


async def names(page: Page) -> list[str]:
    """Of the students, from top to bottom."""
    return await page.locator("tbody th.who > :first-child").all_inner_texts()


async def scores(page: Page, outcome: int) -> list[str]:
    """A column, from top to bottom."""
    found: list[str] = await page.evaluate(
        """outcome => {
            const heads = [...document.querySelectorAll('thead th')];
            const place = heads.findIndex(head => head.querySelector(`#sort-${outcome}`));
            const rows = [...document.querySelectorAll('tbody tr')];
            return rows.map(row => row.children[place].querySelector('b')?.textContent ?? '');
        }""",
        outcome,
    )
    return found


# -- what is seen --


@pytest.mark.parametrize("moment", [None, BEFORE])
async def test_a_browser_shows_what_sql_tells_cell_by_cell(institution: Site, page: Page, moment: datetime | None) -> None:
    """Today, and before the scale changed: each name, score and level of the course."""
    rows = await institution.asked("SELECT * FROM gradebook_at($1, $2, $3) WHERE score IS NOT NULL", COURSE, moment)
    await page.goto(f"{BOOK}?per_page=100" + (f"&at={moment:%Y-%m-%d}" if moment else ""))
    shown = await page.evaluate(
        """[...document.querySelectorAll('tbody td a')].filter(link => link.querySelector('b')).map(link => [
            link.pathname, link.querySelector('b').textContent, link.querySelector('small').textContent])"""
    )
    expected = [
        [
            f"/courses/{COURSE}/students/{row['user_id'] or 'uuid:' + row['user_uuid']}/outcomes/{row['learning_outcome_id']}",
            f"{row['score']:.2f}",
            row["rating"],
        ]
        for row in rows
    ]
    assert sorted(shown) == sorted(expected) != []


async def test_no_page_has_a_barrier(institution: Site, page: Page) -> None:
    """WCAG 2.2 AA by axe, on each page; in dark colours the pages that have most of them; none is wider than a telephone."""
    axe = Axe()
    for name, path in institution.pages.items():
        if name == "not-found":
            continue  # its answer is an error to the console; it has the same frame
        dark = [("dark", COLOURS)] if WHOLE or name in ("gradebook", "score", "operations") else []
        for scheme, options in (("light", RULES), *dark):
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # one of its words
            if scheme == "light":
                await page.goto(path)
            found = await axe.run(page, options=options)
            assert found.violations_count == 0, (name, scheme, found.generate_report())
        await page.set_viewport_size({"width": 390, "height": 800})
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        await page.set_viewport_size({"width": 1280, "height": 800})


async def test_a_report_prints_without_what_only_a_screen_needs(institution: Site, page: Page) -> None:
    """Name, scores and trends stay."""
    await page.goto(institution.pages["student"])
    await page.emulate_media(media="print")
    for part in (".top", ".tools", ".crumbs"):
        await expect(page.locator(part)).to_be_hidden()
    await expect(page.locator("h1")).to_be_visible()
    assert await page.locator(".trend").count() > 0


# -- what is done --


async def _looks_around(institution: Site, page: Page) -> None:
    """Sorts, pages, leaves out, compares: the same steps with and without JavaScript."""
    outcome = institution.outcome
    await page.goto(f"{BOOK}?at=2025-03-09&per_page=15")
    first = await names(page)
    await page.get_by_role("link", name="Next").click()
    await expect(page.get_by_text("Page 2 of")).to_be_visible()
    assert not set(first) & set(await names(page))
    await page.locator(f"#sort-{outcome}").click()
    await expect(page.locator(f'th[aria-sort="descending"] #sort-{outcome}')).to_be_visible()
    sorted_down = [float(one) for one in await scores(page, outcome) if one]
    assert sorted_down == sorted(sorted_down, reverse=True) != []
    await page.get_by_label("students without results").check()
    await page.get_by_label("Compare with").fill("2025-02-10")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_text("compared with")).to_be_visible()
    assert "section_id" not in page.url
    changes = await institution.asked(
        "SELECT * FROM mastery_change($1, $2, $3, $4)", COURSE, datetime(2025, 2, 10, tzinfo=UTC), BEFORE
    )
    risen = sum(row["score"] > row["score_before"] for row in changes if None not in (row["score"], row["score_before"]))
    heads = await page.locator("thead .up").all_inner_texts()
    assert sum(int(one.split()[1]) for one in heads) == risen > 0


async def test_parts_of_a_page_are_exchanged_in_place(institution: Site, page: Page) -> None:
    """With JavaScript the page itself stays, the address follows, and the browser's way back works."""
    await page.goto(BOOK)
    await page.evaluate("window.stays = true")
    await page.locator(f"#sort-{institution.outcome}").click()
    await expect(page.locator("th[aria-sort=descending]")).to_be_visible()
    assert f"sort={institution.outcome}" in page.url
    assert await page.evaluate("window.stays && document.activeElement.id") == f"sort-{institution.outcome}"
    await page.go_back()
    await expect(page.locator("th.who[aria-sort=ascending]")).to_be_visible()
    await _looks_around(institution, page)


async def test_everything_works_without_javascript(institution: Site) -> None:
    """The same steps; links and forms alone."""
    page = await institution.page(java_script_enabled=False)
    try:
        await page.goto("/")
        await page.get_by_label("Course name").fill("English")
        await page.get_by_role("button", name="Search").click()
        await page.get_by_role("link", name="English 101").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("English 101")
        await page.goto(f"{BOOK}?at=2025-03-09&per_page=15")
        await page.get_by_role("link", name="Next").click()
        await expect(page.get_by_text("Page 2 of")).to_be_visible()
        await page.locator(f"#sort-{institution.outcome}").click()
        await expect(page.locator(f'th[aria-sort="descending"] #sort-{institution.outcome}')).to_be_visible()
        await page.get_by_label("Compare with").fill("2025-02-10")
        await page.get_by_role("button", name="Show").click()
        await expect(page.get_by_text("compared with")).to_be_visible()
    finally:
        await page.context.close()


async def test_a_keyboard_is_enough(institution: Site, page: Page) -> None:
    """Skip to the content, sort, scroll the table, open a score."""
    await page.goto(f"{BOOK}?at=2025-03-09")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    seen: list[str] = []
    while "Gradebook" not in seen:
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate("document.activeElement.ariaLabel || document.activeElement.id"))
        assert len(seen) < 40, seen
    assert {"at", "compare", "section", "size"} < set(seen)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("th.who[aria-sort=descending]")).to_be_visible()
    await page.locator("tbody td a").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Results that count")).to_be_visible()


async def test_the_saved_file_asks_for_nothing(institution: Site, tmp_path: Path) -> None:
    """Opened from a disk: no request but itself, its style applies, and it has the scores."""
    connection = await connect(institution.dsn)
    try:
        found = await gradebook(connection, COURSE, None, BEFORE, None)
    finally:
        await connection.close()
    file = tmp_path / "gradebook.html"
    file.write_text(gradebook_file(found, CHANGED), encoding="utf-8")
    page, asked = await institution.page(), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(file.as_uri())
    assert asked == [file.as_uri()]
    assert await page.locator("tbody td b").count() == sum(cell["score"] is not None for cell in found.cells.values())
    assert await page.locator("thead th").first.evaluate("one => getComputedStyle(one).position") == "sticky"
    assert (await Axe().run(page, options=RULES)).violations_count == 0
    await page.context.close()
