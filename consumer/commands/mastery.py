"""Mastery for people: `gradebook`, `scale`, `timeline`, `account-level-scales`, and the kind `rollup` of `explain`."""

import sys
from typing import Annotated

import typer

from consumer.commands.terminal import AsJson, At, KnownAt, Tenant, ask, database, layout_width, out, print_json, say, time_of
from consumer.errors import UsageError
from consumer.printable import printable
from consumer.query import gradebook as read_gradebook
from consumer.query import rollup as read_rollup
from consumer.query import scale as read_scale
from consumer.query import timeline as read_timeline
from consumer.query.objects import tenant_of
from consumer.store import tenant_setting
from consumer.store.postgres import Connection
from schemas.base import MAX_ID

mastery = typer.Typer(rich_markup_mode=None)

_COURSE = typer.Option("--course", metavar="ID|none", help="Local or global id; none: results whose course is unknown.")
_STUDENT = typer.Option("--student", metavar="UUID", help="The student's user_uuid.")
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
        raise UsageError(f"{text} is no id of a course, and not none")
    return int(text)


@mastery.command()
def gradebook(
    course: CourseOption,
    tenant: Tenant = None,
    at: At = None,
    known_at: KnownAt = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a row for each student and outcome.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a course's mastery gradebook: students and outcomes, levels and their distribution, now or at any moment.

    Example: outcomes gradebook --course 12 --at 2025-03-01
    """
    if as_csv and as_json:
        raise UsageError("--csv and --json exclude each other")
    asked = _course(course), tenant, time_of(at), time_of(known_at)
    with database() as (_, dsn):
        found = ask(dsn, lambda connection: read_gradebook.gradebook(connection, *asked))
    if as_json:
        print_json(found.as_json())
    elif as_csv:
        text = found.as_csv()
        sys.stdout.write(printable(text, keep="\n") if sys.stdout.isatty() else text)
        if not found.students or not found.outcomes:
            say("nothing to show: no outcome with results is known here")
    else:
        out.print(read_gradebook.render(found), width=layout_width())


@mastery.command()
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
    with database() as (_, dsn):
        found = ask(dsn, lambda connection: read_scale.effective(connection, contexts[0], *asked))
    if as_json:
        print_json(found.as_json())
    else:
        out.print(read_scale.render(found))


@mastery.command()
def timeline(
    course: CourseOption, student: StudentOption, outcome: OutcomeOption, tenant: Tenant = None, as_json: AsJson = False
) -> None:
    """Show each change of one student's score for one outcome, and why it changed.

    Example: outcomes timeline --course 12 --student elXwFPr6uKGaiVxchQSsqV6YZy5HBtlq8O2vqMXM --outcome 3
    """
    asked = _course(course), student, outcome, tenant
    with database() as (_, dsn):
        found = ask(dsn, lambda connection: read_timeline.timeline(connection, *asked))
    if as_json:
        print_json(found.as_json())
    else:
        out.print(read_timeline.render(found), width=layout_width())


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
    with database() as (_, dsn):
        found = ask(dsn, lambda connection: read_rollup.rollup(connection, *asked))
    if as_json:
        print_json(found.as_json())
    else:
        out.print(read_rollup.render(found))


@mastery.command("account-level-scales")
def account_level_scales(
    value: Annotated[str | None, typer.Argument(metavar="[on|off|auto]", help="What to set; shown only where absent.")] = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Show or set whether Canvas computes with account-level mastery scales; auto: once a scale or method has been seen.

    Example: outcomes account-level-scales on
    """
    if value not in (None, "on", "off", "auto"):
        raise UsageError(f"{value} is none of on, off, auto")

    async def question(connection: Connection) -> read_scale.Switch:
        root_account_uuid = await tenant_of(connection, tenant)
        if value is not None:
            await tenant_setting.decide(connection, root_account_uuid, read_scale.SWITCH, value)
        return await read_scale.switch(connection, root_account_uuid)

    with database() as (_, dsn):
        found = ask(dsn, question)
    if as_json:
        print_json(found.as_json())
    else:
        out.print(printable(found.sentence()), highlight=False, markup=False, soft_wrap=True)
