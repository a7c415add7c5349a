"""A simulated institution, served, and a browser that looks at it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from consumer.simulator.feed import Feed, messages_of
from consumer.simulator.school import School, institution
from consumer.simulator.truth import Truth
from consumer.store.postgres import connect
from tests.chromium import CHROMIUM
from tests.postgres.writing import write
from tests.samples import RULES
from tests.serve.serving import served

CHANGED = datetime(2025, 3, 10, 12, tzinfo=UTC)
"""When the scale of the simulated school's account 2 changes."""
COURSE = 502
"""A course in that account."""

PICTURED = {"home", "account", "gradebook", "outcome", "student", "score", "operations"}
_SOMEBODY = """
    SELECT user_id, learning_outcome_id
      FROM gradebook_at($1, $2, $3)
     WHERE score IS NOT NULL AND name IS NOT NULL
     ORDER BY results DESC, user_id
     LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Site:
    """What pages are looked at."""

    base: str
    dsn: str
    token: str
    browser: Browser
    student: int
    outcome: int

    @property
    def pages(self) -> dict[str, str]:
        """A page of each kind, by name."""
        course = f"/courses/{COURSE}"
        of_student = f"{course}/students/{self.student}"
        return {
            "home": "/",
            "account": "/accounts/1?at=2025-05-01&since=2025-03-01",
            "gradebook": f"{course}/gradebook?at=2025-03-09&compare=2025-02-10&exclude=missing-users",
            "outcome": f"{course}/outcomes/{self.outcome}?at=2025-05-01",
            "courses-of-an-outcome": f"/outcomes/{self.outcome}?at=2025-03-09",
            "student": f"{of_student}?at=2025-03-09",
            "student-all-courses": f"/students/{self.student}?at=2025-03-09",
            "score": f"{of_student}/outcomes/{self.outcome}?at=2025-03-09",
            "operations": "/operations",
            "not-found": "/courses/1/gradebook",
        }

    async def context(self, **options: Any) -> BrowserContext:
        """A browser of its own, with the token."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.browser.new_context(base_url=self.base, extra_http_headers=headers, **options)

    async def page(self, **options: Any) -> Page:
        """One tab of it."""
        return await (await self.context(**options)).new_page()

    async def asked(self, statement: str, *arguments: Any) -> list[dict[str, Any]]:
        """Rows of a statement, of the only tenant as its first argument."""
        connection = await connect(self.dsn)
        try:
            tenant = await connection.fetchval("SELECT root_account_uuid FROM course LIMIT 1")
            return [dict(row) for row in await connection.fetch(statement, tenant, *arguments)]
        finally:
            await connection.close()


@asynccontextmanager
async def site(dsn: str, events: int) -> AsyncIterator[Site]:
    """The institution with names, which are invented, a server and a browser."""
    messages = messages_of(institution(School(events=events)), Feed(poison=0.003), Truth())
    await write(dsn, *(message.value for message in messages), rules=replace(RULES, people="names"))
    connection = await connect(dsn)
    try:
        tenant = await connection.fetchval("SELECT root_account_uuid FROM course LIMIT 1")
        row = await connection.fetchrow(_SOMEBODY, tenant, COURSE, CHANGED)
    finally:
        await connection.close()
    assert row is not None
    async with served(dsn, tenant) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield Site(server.base, dsn, server.token, browser, *row)
        finally:
            await browser.close()


async def write_pictures(looked_at: Site, folder: Path) -> list[Path]:
    """A picture of each page, and of the gradebook in the dark and on a telephone."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    wide: dict[str, Any] = {"viewport": {"width": 1280, "height": 760}}
    shown = [(name, path, wide) for name, path in looked_at.pages.items() if name in PICTURED]
    gradebook = looked_at.pages["gradebook"]
    shown += [("gradebook-dark", gradebook, wide | {"color_scheme": "dark"})]
    shown += [("gradebook-narrow", gradebook, {"viewport": {"width": 390, "height": 844}})]
    for name, path, options in shown:
        page = await looked_at.page(**options)
        await page.goto(path)
        file = folder / f"{name}.png"
        await page.screenshot(path=file)
        await page.context.close()
        files.append(file)
    return files
