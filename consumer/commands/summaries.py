"""`outcomes summaries …`: the summaries of courses that are kept, so that an account can be added up at once."""

import typer

from consumer.commands.terminal import AsJson, Tenant, answer, print_text, progress_bars
from consumer.query.objects import tenant_of
from consumer.store import summaries
from consumer.store.postgres import Connection

app = typer.Typer(help="Kept summaries of courses.", no_args_is_help=True, rich_markup_mode=None)

STEP_COURSES = 20
"""A step is one transaction: what it has computed stays when the command is stopped."""


@app.callback()
def _family() -> None:
    """Keeps `refresh` a command of its own, though it is the only one."""


@app.command()
def refresh(tenant: Tenant = None, as_json: AsJson = False) -> None:
    """Compute what is out of date, as a worker does while it has nothing to write.

    Right answers need none of this, only fast ones: what is out of date is computed whenever it is asked for.

    Example: outcomes summaries refresh
    """

    async def question(connection: Connection) -> dict[str, int]:
        computed = 0
        tenants = await summaries.due(connection) if tenant is None else [await tenant_of(connection, tenant)]
        with progress_bars(as_json=as_json) as update:
            for name in tenants:
                before = computed
                while done := await summaries.refresh(connection, name, STEP_COURSES):
                    computed += done.computed
                    total = computed - before + done.waiting
                    update(name, completed=computed - before, total=total, count=f"{done.waiting:,} courses wait")
                    if not done.waiting:
                        break
        return {"computed": computed, "out_of_date": len(await summaries.due(connection))}

    def show(done: dict[str, int]) -> None:
        again = "; some are out of date again, or another session is at it" if done["out_of_date"] else ""
        print_text(f"computed {done['computed']:,} courses{again}")

    answer(question, show, as_json)
