"""The command that lets old history go."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from consumer.commands.terminal import AsJson, ask, database, out, print_json
from consumer.store import retention

retain = typer.Typer(rich_markup_mode=None)


@retain.command("retain")
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
        out.print(_sentence(one, dry_run=dry_run, drop=drop), highlight=False, markup=False, soft_wrap=True)


def _sentence(one: retention.Folded, *, dry_run: bool, drop: bool) -> str:
    if not one.retired:
        return f"{one.table}: nothing to retire"
    would, size = "would be " if dry_run else "", f"{one.bytes_freed / 2**20:,.0f} MB"
    freed = f"{'about ' if dry_run else ''}{size} freed" if drop else f"dropping them frees {'about ' if dry_run else ''}{size}"
    moved = f", {one.moved:,} newer ones {would}moved to their years" if one.moved else ""
    return (
        f"{one.table}: {one.retired:,} versions {would}retired, {one.kept:,} stand for them{moved}; "
        f"{', '.join(one.partitions)} {would}{'dropped' if drop else 'detached'}; {freed}"
    )
