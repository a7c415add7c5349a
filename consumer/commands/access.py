"""`outcomes access`: who may see what over HTTP, and who looked at students."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table as RichTable
from rich.text import Text

from consumer.commands.terminal import AsJson, Tenant, answer, out, print_text, say, time_of
from consumer.errors import UsageError
from consumer.printable import printable
from consumer.query.objects import id_here, tenant_of
from consumer.store.postgres import Connection
from schemas.base import MAX_ID

if TYPE_CHECKING:
    from consumer.rights.grants import Grant

app = typer.Typer(help="Who may see what in `outcomes serve`, and who looked.", no_args_is_help=True, rich_markup_mode=None)

Login = Annotated[str | None, typer.Option(metavar="LOGIN", help="Whoever signs in with this login.")]
Sis = Annotated[str | None, typer.Option(metavar="ID", help="Whoever has this SIS id.")]
Uuid = Annotated[str | None, typer.Option(metavar="UUID", help="Whoever has this uuid in Canvas.")]
Token = Annotated[int | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="A token; see `outcomes token list`.")]
Account = Annotated[int | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="An account and all below it.")]
Course = Annotated[int | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="One course.")]
Section = Annotated[int | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="The students of one section.")]


async def grant_of(
    connection: Connection, tenant: str, *, names: bool, operations: bool = False, **scope: int | None
) -> "Grant":
    """What options ask for; without a scope the whole tenant. Raises `UsageError` for two."""
    from consumer.rights.grants import Grant  # noqa: PLC0415 - only these commands need it

    found = _one_of("scope", **scope)
    if found is None:
        return Grant("tenant", None, names, operations)
    kind, id_ = found
    return Grant(kind, await id_here(connection, tenant, kind, id_), names, operations)


def _one_of(what: str, **given: Any) -> tuple[Any, Any] | None:
    found = [(name, value) for name, value in given.items() if value is not None]
    if len(found) > 1:
        raise UsageError(f"give one {what}: --{found[0][0]} and --{found[1][0]} are two")
    return found[0] if found else None


def _who(login: str | None, sis: str | None, uuid: str | None, token: int | None) -> tuple[Any, str]:
    found = _one_of("person or token", login=login, sis=sis, uuid=uuid, token=token)
    if found is None:
        raise UsageError("say whose right it is, with --login, --sis, --uuid or --token")
    return found[0], str(found[1])


@app.command()
def grant(
    login: Login = None,
    sis: Sis = None,
    uuid: Uuid = None,
    token: Token = None,
    account: Account = None,
    course: Course = None,
    section: Section = None,
    all_: Annotated[bool, typer.Option("--all", help="All of the tenant.")] = False,
    names: Annotated[bool, typer.Option("--names", help="With people's names, where they are stored.")] = False,
    operations: Annotated[
        bool, typer.Option("--operations", help="Also positions, lag and quarantine; only with --all.")
    ] = False,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Let a person or a token see an account, a course, a section, or all of a tenant.

    Teachers and TAs see their own courses without any right, by their enrolments.

    Example: outcomes access grant --login dean@example.edu --account 79 --names
    """
    from consumer.rights import grants  # noqa: PLC0415 - only these commands need it

    kind, who = _who(login, sis, uuid, token)
    scope = {"account": account, "course": course, "section": section}
    if _one_of("scope", **scope, all=all_ or None) is None:
        raise UsageError("say what may be seen, with --account, --course, --section or --all")

    async def question(connection: Connection) -> Mapping[str, Any]:
        whose = await tenant_of(connection, tenant)
        return await grants.grant(
            connection, whose, kind, who, await grant_of(connection, whose, names=names, operations=operations, **scope)
        )

    answer(question, lambda row: print_text(f"right {row['id']}: {_sentence(row)}"), as_json)


@app.command("list")
def list_(
    revoked: Annotated[bool, typer.Option("--revoked", help="Also rights that were revoked.")] = False, as_json: AsJson = False
) -> None:
    """List all rights that were granted. What teachers may see by their enrolments is not among them.

    Example: outcomes access list
    """
    from consumer.rights import grants  # noqa: PLC0415 - only these commands need it

    answer(lambda connection: grants.listed(connection, revoked=revoked), _show_rights, as_json)


@app.command()
def revoke(
    id_: Annotated[int, typer.Argument(metavar="ID", min=1, max=MAX_ID, help="As `outcomes access list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Revoke a right: within seconds it shows nothing.

    Example: outcomes access revoke 3
    """
    from consumer.rights import grants  # noqa: PLC0415 - only these commands need it

    answer(
        lambda connection: grants.revoke(connection, id_),
        lambda row: print_text(f"right {row['id']} is revoked: {_sentence(row)}"),
        as_json,
    )


@app.command("end-sessions")
def end_sessions(
    login: Login = None,
    sis: Sis = None,
    uuid: Uuid = None,
    token: Token = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Sign a person out everywhere, or whoever signed in with a token: within seconds their sessions show nothing.

    Example: outcomes access end-sessions --login dean@example.edu
    """
    from consumer.rights import grants  # noqa: PLC0415 - only these commands need it

    kind, who = _who(login, sis, uuid, token)

    async def question(connection: Connection) -> dict[str, int]:
        return {"ended": await grants.end_sessions(connection, await tenant_of(connection, tenant), kind, who)}

    answer(question, lambda ended: print_text(f"{ended['ended']} sessions ended"), as_json)


def _sentence(row: Mapping[str, Any]) -> str:
    scope = "the whole tenant" if row["scope_id"] is None else f"{row['scope']} {row['scope_id']}"
    more = [word for word in ("names", "operations") if row[word]]
    return f"{row['kind']} {row['who']} may see {scope}" + (f", with {' and '.join(more)}" if more else "")


def _show_rights(rows: Sequence[Mapping[str, Any]]) -> None:
    table = RichTable(box=None, header_style="dim", pad_edge=False)
    for column in ("id", "tenant", "who", "may see", "names", "operations", "granted", "revoked"):
        table.add_column(column, overflow="fold", justify="right" if column == "id" else "left")
    for row in rows:
        scope = "all" if row["scope_id"] is None else f"{row['scope']} {row['scope_id']}"
        times = [f"{row[name]:%Y-%m-%d %H:%M:%S}" if row[name] else "" for name in ("granted_at", "revoked_at")]
        texts = [row["root_account_uuid"], f"{row['kind']} {row['who']}", scope]
        flags = ["yes" if row[name] else "" for name in ("names", "operations")]
        table.add_row(str(row["id"]), *(Text(printable(text)) for text in texts), *flags, *times)
    out.print(table)
    if not rows:
        say("there are no rights; `outcomes access grant` and `outcomes token create` make some")


@app.command("log")
def log_(
    login: Login = None,
    sis: Sis = None,
    uuid: Uuid = None,
    token: Token = None,
    course: Annotated[int | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="Only looks at this course.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only from then on.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Most rows.")] = 100,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Show who looked at students over HTTP, the newest look first: at what, when, from which address.

    Example: outcomes access log --course 565 --since 2025-03-01
    """
    from consumer.rights import grants  # noqa: PLC0415 - only these commands need it

    kind, who = _one_of("person or token", login=login, sis=sis, uuid=uuid, token=token) or (None, None)

    async def question(connection: Connection) -> list[Mapping[str, Any]]:
        whose = await tenant_of(connection, tenant)
        here = None if course is None else await id_here(connection, whose, "course", course)
        return await grants.looks(connection, whose, kind, who, here, time_of(since), limit)

    answer(question, _show_looks, as_json)


def _show_looks(rows: Sequence[Mapping[str, Any]]) -> None:
    table = RichTable(box=None, header_style="dim", pad_edge=False)
    for column in ("at", "who", "from", "what", "people"):
        table.add_column(column, overflow="fold")
    for row in rows:
        people = ", ".join(row["users"]) or "all"
        texts = (f"{row['kind']} {row['who']}", row["address"], row["path"], people)
        table.add_row(f"{row['at']:%Y-%m-%d %H:%M:%S}", *(Text(printable(text)) for text in texts))
    out.print(table if rows else "nobody has looked")
