"""The database as such: `migrate`, `retain`, `psql`, and `postgres`, which opens the embedded one to other programs."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from consumer import app as wiring
from consumer.commands.erase import bring_in_line
from consumer.commands.terminal import NEGATIVE_TOO, AsJson, ask, configured, database, out, print_json, print_text, say
from consumer.errors import UsageError
from consumer.store import retention, schema
from consumer.store.postgres import Connection
from migrations import HEAD

app = typer.Typer(rich_markup_mode=None)

PORT = 15433
"""Fixed, so that what has been saved in Grafana or a notebook goes on working."""


@app.command()
def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 2 unless the schema is this version's.")
    ] = False,
) -> None:
    """Bring the database to this version's schema. Safe from several places at once.

    Example: DATABASE_URL=postgresql://owner@db/school outcomes migrate
    """
    with database() as (settings, dsn):
        if check:
            ask(dsn, _nothing)
            out.print(f"schema {HEAD}: up to date", highlight=False)
            return
        done = asyncio.run(schema.migrate(dsn))
        if settings.erased_list is not None and settings.erased_list.exists():
            say(f"{settings.erased_list}: {bring_in_line(dsn, settings.erased_list)}")
    if done.before != done.after:
        said = f"migrated from {done.before or 'nothing'}"
    elif done.objects:
        said = f"brought up to date: {', '.join(done.objects)}"
    elif done.grants:
        said = f"rights were missing and are granted again: {len(done.grants)}"
    else:
        said = "was up to date"
    out.print(f"schema {done.after}: {said}", highlight=False)


async def _nothing(_: Connection) -> None:
    """Connecting compares the schema already."""


@app.command("retain")
def retain_since(
    since: Annotated[
        int, typer.Option(metavar="YEAR", min=2010, max=9998, help="The first year (UTC) whose history stays whole.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; tell what would go. Reads all that is old.")
    ] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Drop the old partitions instead of keeping them as tables.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let history before a year go: of each result, what it was when that year began stays, and everything since.

    Example: outcomes retain --since 2024 --dry-run
    """
    now = datetime.now(UTC)
    with database() as (_, dsn):
        found = ask(dsn, lambda connection: retention.retain(connection, since, now=now, dry_run=dry_run, drop=drop))
    if as_json:
        print_json(
            {"since": since, "dry_run": dry_run, "dropped": drop and not dry_run, "tables": [one.as_json() for one in found]}
        )
        return
    for one in found:
        print_text(_retired(one, dry_run=dry_run, drop=drop))


def _retired(one: retention.RetentionReport, *, dry_run: bool, drop: bool) -> str:
    if not one.retired:
        return f"{one.table}: nothing to retire"
    would, size = "would be " if dry_run else "", f"{one.bytes_freed / 2**20:,.0f} MB"
    freed = f"{'about ' if dry_run else ''}{size} freed" if drop else f"dropping them frees {'about ' if dry_run else ''}{size}"
    moved = f", {one.moved:,} newer ones {would}moved to their years" if one.moved else ""
    return (
        f"{one.table}: {one.retired:,} versions {would}retired, {one.kept:,} stand for them{moved}; "
        f"{', '.join(one.partitions)} {would}{'dropped' if drop else 'detached'}; {freed}"
    )


@app.command(context_settings=NEGATIVE_TOO)
def psql(arguments: Annotated[list[str] | None, typer.Argument(metavar="[PSQL OPTIONS]")] = None) -> None:
    """Open psql on the database, in the schema `outcomes`; the embedded one too.

    Example: outcomes psql -c 'SELECT count(*) FROM learning_outcome_result'
    """
    with database() as (_, dsn):
        code = wiring.psql(dsn, arguments or [])
    raise typer.Exit(code)


@app.command("postgres")
def hold_open(
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="On 127.0.0.1; 0 takes a free one.")] = PORT,
    as_json: AsJson = False,
) -> None:
    """Open the embedded database to other programs on this machine, for reading only, until Ctrl-C.

    Prints an address for pandas, Grafana, Metabase, psql and whatever else speaks to Postgres. Its login may read what the role
    outcomes_reader may; the password is kept in the data folder. Other commands go on using the database meanwhile.

    Example: outcomes postgres

    Example: outcomes postgres --port 0 --json
    """
    if configured().database_url is not None:
        raise UsageError(
            "the database is not the embedded one but that of DATABASE_URL, which has an address already: "
            "give other programs a login of their own there, with GRANT outcomes_reader"
        )

    def show(address: wiring.ViewerAddress) -> None:
        if as_json:
            print_json(address.as_json())
        else:
            for line in (
                address.url,
                "",
                "It can be read from this machine alone, and nothing can be written.",
                f"  psql               psql '{address.url}'",
                f"  pandas             pandas.read_sql('SELECT * FROM outcome_rollup', '{address.url}')",
                f"  Grafana, Metabase  host {address.host}, port {address.port}, database {address.database}, "
                f"user {address.user}, password {address.password}, no TLS",
                "Ctrl-C closes it.",
            ):
                print_text(line)
        sys.stdout.flush()

    with database() as (settings, dsn):
        wiring.run(wiring.hold_open(dsn, settings, port, show))
    say(f"closed; the database stays in {settings.data_folder / 'postgres'}")
