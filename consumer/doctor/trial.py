"""A made-up event on its way: intake, topic, worker, row. The row is taken out again.

Nobody but Canvas can sign what a running intake takes. So the event is signed with a key of this process and delivered to an
intake in this process, which knows that key and has the configured topic (or database). With OUTCOMES_INTAKE_SECRET and an
address, it goes through the running intake.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from consumer.doctor.checks import Check, attention, ok, unknown
from consumer.errors import Fatal, OutcomesError
from consumer.intake.gates import Signed
from consumer.intake.https import PATH, Https
from consumer.intake.keeping import Keeper
from consumer.intake.keys import KeySet
from consumer.intake.metrics import IntakeMetrics
from consumer.intake.outlet import Outlet
from consumer.intake.running import listening
from consumer.settings import Settings
from consumer.simulator.signing import Signer
from consumer.sources.delivering import deliver
from consumer.store import trial
from consumer.store.postgres import Connection

LOOK_SECONDS = 0.1


async def made_up_event(settings: Settings, connection: Connection, outlet: Outlet, to: str | None, seconds: float) -> Check:
    """Whether it becomes a row within `seconds`. `to`: the address of a running intake that takes unsigned events."""
    if not await trial.may_take_out(connection):
        return unknown("canvas", "this login may not take the row out again", "run this with the owner's DATABASE_URL")
    await trial.take_out(connection)  # of a trial that was killed, or whose event came late
    id_, begun = time.time_ns() // 10**6, time.monotonic()
    event = _event(id_)
    try:
        if to is None:
            async with _intake(settings, outlet) as (url, signer):
                await deliver(url, [signer.token(event)], seconds=seconds)
        elif settings.intake_secret is None:
            raise Fatal("the intake at that address takes only what Canvas has signed: leave --to out")
        else:
            await deliver(to, [orjson.dumps(event)], secret=settings.intake_secret.get_secret_value(), seconds=seconds)
    except OutcomesError as error:
        return attention("canvas", f"the made-up event was not taken: {error}", "see the checks above, and the intake's log")
    taken = time.monotonic() - begun
    while not await trial.is_there(connection, id_):
        if time.monotonic() - begun > seconds:
            return attention(
                "canvas",
                f"the intake took the made-up event after {taken:.1f} s, and no row came within {seconds:.0f} s",
                "see `group`, `lag` and the worker's log; the next `outcomes doctor --canvas` takes a late row out",
            )
        await asyncio.sleep(LOOK_SECONDS)
    whole = time.monotonic() - begun
    await trial.take_out(connection)
    return ok("canvas", f"the made-up event was taken after {taken:.1f} s and a row after {whole:.1f} s; the row is out again")


def _event(id_: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "metadata": {
            "event_name": "learning_outcome_created",
            "event_time": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z",
            "root_account_uuid": trial.TENANT,
        },
        "body": {"learning_outcome_id": str(id_), "title": "made up by `outcomes doctor --canvas`"},
    }


@asynccontextmanager
async def _intake(settings: Settings, outlet: Outlet) -> AsyncIterator[tuple[str, Signer]]:
    """An intake of this process without a spool: what it answers with 2xx is in the topic or the database."""
    signer, metrics = Signer(settings.intake_issuer), IntakeMetrics()
    keeper = Keeper(outlet, None, metrics)

    async def keys() -> bytes:
        return signer.jwks()

    with TemporaryDirectory(prefix="outcomes-doctor-") as folder:
        app = Https(
            Signed(KeySet(keys, Path(folder) / "jwks.json"), settings.intake_issuer),
            keeper,
            metrics,
            drop_personal=settings.intake_drop_personal,
        )
        async with listening(app, "127.0.0.1", 0) as (url, _):
            yield f"{url}{PATH}", signer
