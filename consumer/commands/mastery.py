"""Mastery for people: `gradebook`, `scale`, `timeline`, `account-level-scales`, and the kind `rollup` of `explain`."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from consumer.commands.terminal import AsJson, At, KnownAt, Tenant, answer, layout_width, out, print_text, say, time_of
from consumer.errors import UsageError, reason
from consumer.printable import printable
from consumer.query import gradebook as gradebooks
from consumer.query import rollup as rollups
from consumer.query import scale as scales
from consumer.query import timeline as timelines
from consumer.query.gradebook_csv import as_csv as csv_of
from consumer.query.gradebook_view import render as render_gradebook
from consumer.query.members import Exclude
from consumer.query.objects import tenant_of
from consumer.query.students import Rows
from consumer.store import tenant_setting
from consumer.store.postgres import Connection
from schemas.base import MAX_ID

app = typer.Typer(rich_markup_mode=None)

_COURSE = typer.Option("--course", metavar="ID|none", help="Local or global id; none: results whose course is unknown.")
_STUDENT = typer.Option(
    "--student", metavar="UUID|id:N|PSEUDONYM", help="The student's user_uuid, user id or pseudonym, such as 7F3A."
)
_OUTCOME = typer.Option("--outcome", metavar="ID", min=1, max=MAX_ID, help="The outcome.")

CourseOption = Annotated[str, _COURSE]
MaybeCourse = Annotated[str | None, _COURSE]
StudentOption = Annotated[str, _STUDENT]
MaybeStudent = Annotated[str | None, _STUDENT]
OutcomeOption = Annotated[int, _OUTCOME]
MaybeOutcome = Annotated[int | None, _OUTCOME]


def _course(text: str) -> int | None:
    if text == "none":
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) <= MAX_ID):
        raise UsageError(f"{text} is not the id of a course, and not none")
    return int(text)


@app.command()
def gradebook(
    course: CourseOption,
    tenant: Tenant = None,
    at: At = None,
    known_at: KnownAt = None,
    scale_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Judge by the scale and method of then."),
    ] = None,
    section: Annotated[int | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="Only students of this section.")] = None,
    exclude: Annotated[
        list[Exclude] | None,
        typer.Option(
            metavar="|".join(Exclude),
            help="Leave out students whose every enrolment is concluded or inactive, or students or outcomes without results; "
            "may be given several times.",
        ),
    ] = None,
    left: Annotated[
        bool, typer.Option("--all", help="Show also who has left the course; they count in no mean or level.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a row for each student and outcome.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as one page, for a browser; it loads nothing.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a course's mastery gradebook: students and outcomes, levels and their distribution, now or at any moment.

    Names are shown where this login may read names and they are stored, else pseudonyms.

    Example: outcomes gradebook --course 12 --at 2025-03-01

    Example: outcomes gradebook --course 12 --section 57 --exclude concluded --exclude inactive

    Example: outcomes gradebook --course 12 --html gradebook.html
    """
    if as_csv + as_json + (html is not None) > 1:
        raise UsageError("--csv, --html and --json exclude each other")
    rows = Rows(section, frozenset(exclude or ()), left)
    asked = _course(course), tenant, time_of(at), time_of(known_at), time_of(scale_at), rows

    def show(found: gradebooks.Gradebook) -> None:
        if html is not None:
            write_page(found, html)
            say(f"{html}: {len(found.students)} students, {len(found.outcomes)} outcomes")
            return
        if not as_csv:
            out.print(render_gradebook(found), width=layout_width())
            return
        text = csv_of(found)
        sys.stdout.write(printable(text, keep="\n") if sys.stdout.isatty() else text)
        if not found.students or not found.outcomes:
            say(f"no row: no {'outcome' if found.students else 'student'} is known here")

    answer(lambda connection: gradebooks.gradebook(connection, *asked), show, as_json)


def write_page(found: gradebooks.Gradebook, file: Path) -> None:
    """Writes a gradebook as one page. Raises `UsageError`."""
    from consumer.serve.pages.file import gradebook_file  # noqa: PLC0415 - loads the templates

    try:
        file.write_text(gradebook_file(found, datetime.now(UTC)), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {reason(error)}") from error


@app.command()
def scale(
    course: Annotated[int | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="What applies to this course.")] = None,
    account: Annotated[int | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="What applies to this account.")] = None,
    tenant: Tenant = None,
    at: At = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """Show which mastery scale and calculation method apply to a course or an account, and whose they are.

    Example: outcomes scale --course 12
    """
    contexts = [(kind, id_) for kind, id_ in (("Course", course), ("Account", account)) if id_ is not None]
    if len(contexts) != 1:
        raise UsageError("name one of --course and --account")
    asked = tenant, time_of(at), time_of(known_at)
    answer(
        lambda connection: scales.effective(connection, contexts[0], *asked),
        lambda found: out.print(scales.render(found)),
        as_json,
    )


@app.command()
def timeline(
    course: CourseOption, student: StudentOption, outcome: OutcomeOption, tenant: Tenant = None, as_json: AsJson = False
) -> None:
    """Show each change of one student's score for one outcome, and why it changed.

    Example: outcomes timeline --course 12 --student elXwFPr6uKGaiVxchQSsqV6YZy5HBtlq8O2vqMXM --outcome 3
    """
    asked = _course(course), student, outcome, tenant
    answer(
        lambda connection: timelines.timeline(connection, *asked),
        lambda found: out.print(timelines.render(found), width=layout_width()),
        as_json,
    )


def explain_rollup(
    course: str | None,
    student: str | None,
    outcome: int | None,
    at: str | None,
    known_at: str | None,
    tenant: str | None,
    *,
    as_json: bool,
) -> None:
    """`outcomes explain rollup`: the results, the formula with numbers, the scale, the level."""
    if course is None or student is None or outcome is None:
        raise UsageError("a rollup is named by --course, --student and --outcome")
    asked = _course(course), student, outcome, tenant, time_of(at), time_of(known_at)
    answer(
        lambda connection: rollups.rollup(connection, *asked),
        lambda found: out.print(rollups.render(found)),
        as_json,
    )


@app.command("account-level-scales")
def account_level_scales(
    value: Annotated[str | None, typer.Argument(metavar="[on|off|auto]", help="What to set; shown only where absent.")] = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Show or set whether Canvas computes with account-level mastery scales; auto: once a scale or method has been seen.

    Example: outcomes account-level-scales on
    """
    if value not in (None, "on", "off", "auto"):
        raise UsageError(f"{value} is not one of on, off, auto")

    async def question(connection: Connection) -> scales.Switch:
        root_account_uuid = await tenant_of(connection, tenant)
        if value is not None:
            await tenant_setting.decide(connection, root_account_uuid, scales.SWITCH, value)
        return await scales.switch(connection, root_account_uuid)

    answer(question, lambda found: print_text(printable(found.sentence())), as_json)
