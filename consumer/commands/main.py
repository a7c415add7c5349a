"""The command line: every family of commands, and what holds for all of them."""

import inspect
import platform
import re
import signal
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from consumer.commands import (
    access,
    canvas,
    capture,
    database,
    doctor,
    erase,
    intake,
    letters,
    mastery,
    quarantine,
    questions,
    replay,
    report,
    serve,
    simulate,
    summaries,
    worker,
)
from consumer.commands.terminal import ATTENTION, WRONG, err, out
from consumer.errors import OutcomesError
from consumer.printable import printable
from migrations import HEAD

TERMINATED = 128 + signal.SIGTERM
"""Exit code: ended by SIGTERM before anything was begun."""
app = typer.Typer(
    name="outcomes",
    help="Canvas Live Events about learning outcomes, kept as a Postgres projection over time.",
    epilog="To begin: outcomes demo; or outcomes replay FILE, then outcomes status. Each command has --help with an example.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _family in (worker, replay, capture, database, erase, doctor, questions, simulate, mastery, report, canvas, serve):
    app.add_typer(_family.app)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(letters.app, name="letters")
app.add_typer(serve.token, name="token")
app.add_typer(access.app, name="access")
app.add_typer(intake.app, name="intake")
app.add_typer(summaries.app, name="summaries")


def _version(asked: bool) -> None:
    if asked:
        here = f"Python {platform.python_version()}, {platform.platform()}"
        out.print(f"outcomes-consumer {version('outcomes-consumer')} · schema {HEAD} · {here}", highlight=False, soft_wrap=True)
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show versions: of this, its schema, Python.")
    ] = False,
) -> None:
    """What holds for all commands."""


def _brief(commands: typer.Typer) -> None:
    """Lists of commands show each help up to its first punctuation mark; click would cut it off anywhere."""
    for command in commands.registered_commands:
        command.short_help = re.split("[.:;,]", inspect.getdoc(command.callback) or "", maxsplit=1)[0]
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            group.short_help = group.typer_instance.info.help
            _brief(group.typer_instance)


def main() -> None:
    """What `consumer.__main__` runs once it is loaded."""
    # Until a loop takes over: process 1 of a container has no default action for SIGTERM, and would not stop while starting.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # a full disk may be noticed only here
    except BrokenPipeError:
        sys.exit(ATTENTION)  # as typer and rich end what nobody reads any more
    except OutcomesError as error:
        for sentence in str(error).splitlines():
            err.print(f"outcomes: {printable(sentence)}", style="red", highlight=False, soft_wrap=True, markup=False)
        sys.exit(WRONG)


_brief(app)
