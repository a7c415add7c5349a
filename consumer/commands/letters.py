"""`outcomes letters …`: grading standards, and the letters they give."""

import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer

from consumer.commands.terminal import NEGATIVE_TOO, AsJson, At, Tenant, answer, out, print_text, say, time_of
from consumer.errors import UsageError
from consumer.query import grading_standards
from consumer.query import letters as reading
from consumer.query.letters import Choice
from schemas.base import MAX_ID
from schemas.grading_standards import doubts

app = typer.Typer(help="Grading standards, and the letters they give.", no_args_is_help=True, rich_markup_mode=None)

StandardId = Annotated[int, typer.Argument(metavar="ID", min=1, max=MAX_ID, help="Canvas' id of the grading standard.")]
Standard = Annotated[int | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="This grading standard.")]
Assignment = Annotated[int | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="An assignment's own standard.")]
Course = Annotated[int | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="A course's standard.")]
Account = Annotated[int | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="An account's default.")]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="TIME", help="From when it holds, as --at; now where absent.")]

_MOST_DIGITS = 50


def _decimal(text: str | None, what: str) -> Decimal | None:
    if text is None:
        return None
    try:
        number = Decimal(text.removesuffix("%"))
    except InvalidOperation as error:
        raise UsageError(f"{what} is a decimal number, not {text}") from error
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        raise UsageError(f"{what} is a decimal number that a school could mean, not {text}")
    return number


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="JSON from Canvas' REST API; - for stdin.")],
    tenant: Tenant = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Take in grading standards as Canvas' REST API shows them: one, a list, or an object with `grading_standards`.

    All or nothing. What is known already adds nothing. Raw `data` lists of Canvas' database are read too, with their `version`.

    Example: outcomes letters import standards.json --as-of 2025-08-01T00:00:00Z
    """
    since = time_of(as_of)
    standards = [standard for file in files for standard in grading_standards.read(str(file), _bytes(file))]

    def show(done: grading_standards.Imported) -> None:
        out.print(reading.render(done.standards, note="import"))
        for standard in standards:
            for sentence in doubts(standard):
                say(sentence)
        counts = done.as_json()
        print_text(f"{counts['imported']:,} imported, {counts['unchanged']:,} unchanged")

    answer(lambda connection: grading_standards.take_in(connection, standards, tenant, since), show, as_json)


def _bytes(file: Path) -> bytes:
    if file == Path("-"):
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error


@app.command("list")
def list_(tenant: Tenant = None, as_json: AsJson = False) -> None:
    """List the grading standards that were imported, each in its newest state.

    Example: outcomes letters list
    """

    def show(found: reading.Standards) -> None:
        out.print(reading.render(found.states))
        if not found.states:
            say("no grading standard was imported; `outcomes letters import FILE` does it")

    answer(lambda connection: reading.listed(connection, tenant), show, as_json)


@app.command()
def show(id_: StandardId, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """Show one grading standard: all its states as periods, and who uses it now.

    Example: outcomes letters show 5
    """
    answer(
        lambda connection: reading.shown(connection, id_, tenant),
        lambda found: out.print(reading.render_shown(found)),
        as_json,
    )


@app.command()
def use(
    standard: Annotated[str, typer.Argument(metavar="ID|none", help="The grading standard; none: none of its own.")],
    course: Course = None,
    assignment: Assignment = None,
    account: Account = None,
    tenant: Tenant = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Say who uses a grading standard: a course, an assignment, or an account by default. What was used before stays on record.

    Example: outcomes letters use 5 --course 12
    """
    contexts = [(kind, id_) for kind, id_ in (("Assignment", assignment), ("Course", course), ("Account", account)) if id_]
    if len(contexts) != 1:
        raise UsageError("name one that uses it: --course, --assignment or --account")
    if standard != "none" and not (standard.isascii() and standard.isdigit() and 0 < int(standard[:20]) <= MAX_ID):
        raise UsageError(f"{standard} is not the id of a grading standard, and not none")
    since = time_of(as_of)
    chosen = None if standard == "none" else int(standard)

    def show(done: dict[str, Any]) -> None:
        used = "no grading standard of its own" if done["grading_standard_id"] is None else f"grading standard {standard}"
        since_when = f"from {done['valid_from']:%Y-%m-%d %H:%M:%S} on" if done["added"] else "as before"
        print_text(f"{done['context_type']} {done['context_id']} uses {used} {since_when}")

    answer(lambda connection: grading_standards.use(connection, chosen, contexts[0], tenant, since), show, as_json)


@app.command(context_settings=NEGATIVE_TOO)
def grade(
    percent: Annotated[str | None, typer.Argument(metavar="PERCENT", help="A percentage, such as 93.5.")] = None,
    points: Annotated[str | None, typer.Option(metavar="P", help="Points instead of a percentage …")] = None,
    possible: Annotated[str | None, typer.Option(metavar="Q", help="… of so many.")] = None,
    course: Course = None,
    assignment: Assignment = None,
    account: Account = None,
    standard: Standard = None,
    at: At = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Tell the letter of a percentage: by the assignment's standard, else the course's, the account's, the built-in scheme.

    Only what you name counts: with --assignment, also give --course. A course's account is known from its events.

    Example: outcomes letters grade 93.5 --course 12
    """
    if (percent is None) == (points is None) or (points is None) != (possible is None):
        raise UsageError("give a percentage, or --points and --possible")
    counted = _decimal(percent, "PERCENT"), _decimal(points, "--points"), _decimal(possible, "--possible")
    if counted[2] is not None and counted[2] <= 0:
        raise UsageError("--possible is above 0")
    choice = Choice(standard, assignment, course, account, tenant, time_of(at))

    def show(found: reading.Letter) -> None:
        out.print(found.letter, highlight=False, markup=False)
        say(found.by)

    answer(lambda connection: reading.grade(connection, choice, *counted), show, as_json)


@app.command()
def score(
    letter: Annotated[str, typer.Argument(metavar="LETTER", help="Such as B+; case does not matter.")],
    course: Course = None,
    assignment: Assignment = None,
    account: Account = None,
    standard: Standard = None,
    at: At = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Tell the percentage that Canvas enters for a letter.

    Example: outcomes letters score B+ --course 12
    """
    choice = Choice(standard, assignment, course, account, tenant, time_of(at))

    def show(found: reading.Letter) -> None:
        print_text(f"{found.percent:f}")
        say(found.by)

    answer(lambda connection: reading.score(connection, choice, letter), show, as_json)
