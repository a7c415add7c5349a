"""`outcomes doctor`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from consumer import app as wiring
from consumer.commands.terminal import ATTENTION, AsJson, configured, print_json, print_text, say
from consumer.doctor.checks import NAMES
from consumer.errors import UsageError
from consumer.printable import printable
from consumer.settings import Settings

app = typer.Typer(rich_markup_mode=None)


@app.command()
def doctor(
    intake: Annotated[
        str | None, typer.Option(metavar="URL", help="Ask a running intake: the address of its probes, http://HOST:8080.")
    ] = None,
    canvas: Annotated[
        bool,
        typer.Option("--canvas", help="Send a made-up event through intake, topic and worker, and take its row out again."),
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(metavar="URL", help="With --canvas: through the running intake here, which takes unsigned events."),
    ] = None,
    seconds: Annotated[float, typer.Option(metavar="SECONDS", min=1, help="With --canvas: how long it may take.")] = 30,
    direct: Annotated[bool, typer.Option("--direct", help="A set-up without Kafka, as of `intake --direct`.")] = False,
    skip: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help=f"Leave these checks out, with commas: {', '.join(NAMES)}.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the set-up from the outside in, and say what to do: keys, topic, group, database, feed, quarantine, growth.

    Without DATABASE_URL it looks at the embedded database of all commands, if there is one, and starts it meanwhile.
    Changes nothing, except with --canvas. Ends with 1 where something needs attention or could not be checked, and with 2
    where an argument or setting is wrong.

    Example: outcomes doctor

    Example: outcomes doctor --canvas --json
    """
    from consumer.doctor.examining import Question, examine  # noqa: PLC0415 - loads the intake's web server

    left_out = frozenset(name.strip() for names in skip or () for name in names.split(","))
    if unknown := left_out - set(NAMES):
        raise UsageError(f"there is no check {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if to is not None and not canvas:
        raise UsageError("--to goes with --canvas")
    settings = configured(log_level="error")
    if to is not None and settings.intake_secret is None:
        raise UsageError("--to needs OUTCOMES_INTAKE_SECRET: without it an intake takes only what Canvas has signed")
    question = Question(direct=direct, skip=left_out, intake=intake, canvas=canvas, to=to, seconds=seconds)
    with _looked_at(settings) as dsn:
        found = wiring.run(examine(settings, dsn, question))
    if as_json:
        print_json(found.as_json())
    else:
        for check in found.checks:
            style = {"attention": "red", "unknown": "yellow"}.get(check.state)
            mark = check.state.upper() if style else check.state
            print_text(f"{mark:<10} {check.name:<11} {printable(check.found)}", style)
            if check.advice:
                print_text(f"{'':<10} {'':<11} → {printable(check.advice)}")
    if found.needs_attention:
        raise typer.Exit(ATTENTION)


@contextmanager
def _looked_at(settings: Settings) -> Iterator[str | None]:
    """The database's address; None where an embedded one would have to be made first."""
    if settings.database_url is None and not (settings.data_folder / "postgres").exists():
        yield None
        return
    with wiring.database(settings, say, migrate=False) as dsn:  # all commands use it, where it is
        yield dsn
