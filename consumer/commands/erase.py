"""`outcomes erase`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from consumer import erased_captures
from consumer.commands.terminal import AsJson, Tenant, ask, database, json_of, print_json, print_text, say
from consumer.errors import OutcomesError, UsageError
from consumer.ingest.decode import Rules
from consumer.query.objects import tenant_of
from consumer.store import erasure
from consumer.store.postgres import Connection
from schemas.base import MAX_ID

app = typer.Typer(rich_markup_mode=None)


@app.command()
def erase(
    student: Annotated[list[str] | None, typer.Option(metavar="UUID", help="The person's uuid; may be repeated.")] = None,
    user: Annotated[
        list[int] | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="Or the local user id; may be repeated.")
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="What else to look for in quarantine: a name, a login, an address; may be repeated."),
    ] = None,
    merged: Annotated[bool, typer.Option("--merged", help="Also users whom Canvas has merged with this one.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; name every place and how much is there.")] = False,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the receipt there, as JSON.")] = None,
    files: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Rewrite a folder of `outcomes capture` without all who were erased.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the list of all who were erased, to keep elsewhere. A secret.")
    ] = None,
    take_in: Annotated[
        Path | None, typer.Option("--import", metavar="FILE", help="Bring a restored database in line with such a list.")
    ] = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Take a person out of the projection, and keep them out: whatever tells of them again is counted as erased.

    All keys that belong together go: the user ids and uuids of the person, and what hangs on them. Writers wait meanwhile, in a
    dry run too. Run it as the owner, who runs migrate.

    Example: outcomes erase --student elXwFPr6uKGaiVxchQSsqV6YZy5HBtlq8O2vqMXM --dry-run

    Example: outcomes erase --user 501 --text ada.byrne@example.edu --to receipt.json

    Example: outcomes erase --files /var/lib/outcomes/captured

    Example: outcomes erase --export erased.json
    """
    if bool(student or user) + sum(option is not None for option in (export, take_in, files)) != 1:
        raise UsageError("give the person, by --student or --user; or one of --files, --export and --import")
    if not (student or user) and (text or merged or dry_run or to or tenant or as_json):
        raise UsageError("--text, --merged, --dry-run, --to, --tenant and --json go with a person: --student or --user")
    with database() as (settings, dsn):
        if files is not None:
            done = ask(dsn, lambda connection: erased_captures.rewrite(connection, files, Rules.of(settings)))
            counts = f"{done.records:,} records taken out, {done.changed:,} left without a mention"
            print_text(f"{done.files:,} files rewritten, {counts}")
            return
        if export is not None:
            _write(export, ask(dsn, erasure.exported))
            say(f"{export} holds the key of the digests: keep it as you keep a backup")
            return
        if take_in is not None:
            print_text(bring_in_line(dsn, take_in))
            return

        async def erased(connection: Connection) -> erasure.Receipt:
            return await erasure.erase(
                connection,
                await tenant_of(connection, tenant),
                users=user or (),
                uuids=student or (),
                texts=text or (),
                merged=merged,
                dry_run=dry_run,
            )

        receipt = ask(dsn, erased)
        try:
            if to is not None:
                _write(to, json_of(receipt.as_json()))
            if settings.erased_list is not None and not dry_run:
                _write(settings.erased_list, ask(dsn, erasure.exported))
        except OutcomesError:
            print_json(receipt.as_json())  # it is done, and cannot be done again
            raise
    if as_json:
        print_json(receipt.as_json())
        return
    for place, rows in sorted(receipt.rows.items()):
        print_text(f"{place}: {rows:,}")
    total, would = sum(receipt.rows.values()), "would be " if dry_run else ""
    print_text(f"{total:,} rows {would}taken out, and {len(receipt.digests)} keys {would}suppressed")
    print_text("\n".join(["not reached:", *(f"  {one}" for one in erasure.NOT_REACHED)]))


def bring_in_line(dsn: str, file: Path) -> str:
    """Suppresses and takes out whom a list names and the database does not; says what was done."""
    try:
        listed = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    added, rows = ask(dsn, lambda connection: erasure.take_in(connection, listed))
    return f"{added:,} suppressions were missing; {sum(rows.values()):,} rows were taken out"


def _write(file: Path, content: bytes) -> None:
    """For the eyes of its owner alone. Under its name only when it is whole."""
    part = file.with_name(f".{file.name}.part")
    try:
        with open(part, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
