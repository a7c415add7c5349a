"""`outcomes serve`, and the tokens that open it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table as RichTable
from rich.text import Text

from consumer import app as wiring
from consumer.commands.access import Account, Course, Section, grant_of
from consumer.commands.terminal import AsJson, answer, ask, database, out, print_json, print_text, say
from consumer.errors import UsageError
from consumer.printable import printable
from consumer.query.objects import tenant_of
from consumer.store.postgres import Connection
from schemas.base import MAX_ID

app = typer.Typer(rich_markup_mode=None)
token = typer.Typer(
    help="Tokens that open `outcomes serve`, each for one tenant or a part of it.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="OUTCOMES_SERVE_HOST")] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="OUTCOMES_SERVE_PORT; 0 picks a free one")] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Accept Canvas' writes too, and publish the events that Canvas would send.")
    ] = False,
) -> None:
    """Answer over HTTP as Canvas would, from the projection, until SIGTERM. Needs a token: see `outcomes token`.

    Example: outcomes serve --host 0.0.0.0 --port 8000
    """
    from consumer.serve import app as server  # noqa: PLC0415 - loads a web server that no other command needs

    with database(serve_host=host, serve_port=port) as (settings, dsn):
        wiring.tune_garbage_collector()
        app_ = server.make_app(dsn, settings)
        if sandbox:
            from consumer.sandbox import routes  # noqa: PLC0415 - brings the client of Kafka with it

            app_ = routes.make_app(dsn, settings)
        wiring.run(server.serve(app_, settings, wiring.signals))


@token.command()
def create(
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What it is for.")],
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="UUID", help="What it opens; needed unless there is exactly one.")
    ] = None,
    account: Account = None,
    course: Course = None,
    section: Section = None,
    names: Annotated[bool, typer.Option(help="Whether it shows people's names, where they are stored.")] = True,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, only now: the database keeps just its digest. It opens the whole tenant, or what options say.

    Example: outcomes token create --tenant VicYj3cu5BIFpoZhDVU4DZumnlBrWi1grgJEzADs --name dashboard
    """
    from consumer.rights import tokens  # noqa: PLC0415 - only these commands need it

    async def question(connection: Connection) -> tuple[str, dict[str, object], bool]:
        whose = tenant or await tenant_of(connection, None)
        grant = await grant_of(connection, whose, names=names, account=account, course=course, section=section)
        made, row = await tokens.create(connection, whose, name, grant)
        try:
            known = bool(await tenant_of(connection, tenant))
        except UsageError:
            known = False
        return made, dict(row), known

    with database() as (_, dsn):
        made, row, known = ask(dsn, question)
    if not known:
        say(f"nothing of {row['root_account_uuid']} is known yet: the token shows nothing until an event comes")
    if as_json:
        print_json(row | {"token": made})
        return
    say(f"token {row['id']} for {row['root_account_uuid']}; it is shown this once")
    print_text(made)


@token.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all tokens, without their secrets: what each is for, and whether it still opens.

    Example: outcomes token list
    """
    from consumer.rights import tokens  # noqa: PLC0415 - only these commands need it

    answer(tokens.listed, _show_tokens, as_json)


def _show_tokens(rows: Sequence[Mapping[str, Any]]) -> None:
    table = RichTable(box=None, header_style="dim", pad_edge=False)
    for column in ("id", "tenant", "name", "created", "revoked"):
        table.add_column(column, overflow="fold", justify="right" if column == "id" else "left")
    for row in rows:
        revoked = f"{row['revoked_at']:%Y-%m-%d %H:%M:%S}" if row["revoked_at"] else ""
        table.add_row(
            str(row["id"]),
            Text(printable(row["root_account_uuid"])),
            Text(printable(row["name"])),
            f"{row['created_at']:%Y-%m-%d %H:%M:%S}",
            revoked,
        )
    out.print(table)
    if not rows:
        say("there are no tokens; `outcomes token create --name NAME` makes one")


@token.command()
def revoke(
    id_: Annotated[int, typer.Argument(metavar="ID", min=1, max=MAX_ID, help="As `outcomes token list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Revoke a token: within seconds it opens nothing.

    Example: outcomes token revoke 3
    """
    from consumer.rights import tokens  # noqa: PLC0415 - only these commands need it

    answer(
        lambda connection: tokens.revoke(connection, id_),
        lambda row: print_text(f"token {row['id']} opens nothing any more"),
        as_json,
    )
