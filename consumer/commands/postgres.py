"""`outcomes postgres`: the embedded database for other programs on this machine."""

import sys
from typing import Annotated

import typer

from consumer import app as wiring
from consumer.commands.terminal import AsJson, configured, database, out, print_json, say
from consumer.errors import UsageError

postgres = typer.Typer(rich_markup_mode=None)

PORT = 15433
"""Fixed, so that what has been saved in Grafana or a notebook goes on working."""


@postgres.command("postgres")
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
                out.print(line, highlight=False, markup=False, soft_wrap=True)
        sys.stdout.flush()

    with database() as (settings, dsn):
        wiring.run(wiring.hold_open(dsn, settings, port, show))
    say(f"closed; the database stays in {settings.data_folder / 'postgres'}")
