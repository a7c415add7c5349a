"""`outcomes doctor`."""

from typing import Annotated

import typer

from consumer import app as wiring
from consumer.commands.terminal import ATTENTION, AsJson, database, print_json, print_text
from consumer.errors import UsageError
from consumer.printable import printable

app = typer.Typer(rich_markup_mode=None)


@app.command()
def doctor(
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
    skip: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Leave this check out; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check the set-up from the outside in, and say what to do: keys, topic, group, database, feed, quarantine, growth.

    Changes nothing, except with --canvas. Ends with 1 where something needs attention or could not be checked.

    Example: outcomes doctor

    Example: outcomes doctor --canvas --json
    """
    from consumer.doctor.examining import NAMES, Question, examine  # noqa: PLC0415 - loads the intake's web server

    if unknown := set(skip or ()) - set(NAMES):
        raise UsageError(f"there is no check {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if to is not None and not canvas:
        raise UsageError("--to goes with --canvas")
    question = Question(direct=direct, skip=frozenset(skip or ()), canvas=canvas, to=to, seconds=seconds)
    with database(log_level="error") as (settings, dsn):
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
