"""Where Canvas delivers: the keys that it signs with, the intake and its disk."""

import shutil
from contextlib import suppress
from pathlib import Path

from consumer.doctor.checks import Check, attention, ok, unknown
from consumer.errors import Fatal, Transient, UsageError
from consumer.intake import keys
from consumer.settings import Settings
from consumer.worker import probes

LEAST_FREE = 0.05
"""Of a disk."""


async def jwks(settings: Settings) -> Check:
    """Whether the keys that Canvas signs with can be fetched."""
    if settings.intake_secret is not None:
        return ok("jwks", "OUTCOMES_INTAKE_SECRET is set: the intake takes unsigned events, and needs no keys")
    try:
        known = keys.keys_of(await keys.fetch(settings.intake_jwks_url))
    except Transient as error:
        return attention(
            "jwks",
            f"Canvas' keys cannot be fetched: {error}",
            f"let this machine reach {settings.intake_jwks_url}, or correct OUTCOMES_INTAKE_JWKS_URL",
        )
    except ValueError:
        found = f"{settings.intake_jwks_url} answers, but not with keys"
        return attention("jwks", found, "correct OUTCOMES_INTAKE_JWKS_URL: https://…, or http://… on this machine alone")
    return ok("jwks", f"the keys that Canvas signs with can be fetched: {len(known)}")


async def sqs(settings: Settings) -> Check:
    """Whether the queues are there, and lose nothing."""
    named = ", ".join(settings.intake_queue)
    try:
        from consumer.intake.queue import connected  # noqa: PLC0415 - comes with the extra `sqs`

        async with connected(settings.intake_queue, connections=1) as queues:
            risks = [risk for queue in queues for risk in await queue.check()]
            dead = {queue.name: await queue.dead_letters() for queue in queues}
    except (Fatal, UsageError) as error:
        return attention("sqs", str(error), "correct OUTCOMES_INTAKE_QUEUE, AWS_REGION or AWS' credentials")
    if risks:
        return attention("sqs", "; ".join(risks), f"change the attributes of {named}; docs/how-to/canvas.md has them")
    if lost := ", ".join(f"{count:,} of {name}" for name, count in dead.items() if count):
        return attention("sqs", f"messages are in the dead-letter queue: {lost}", "read them there, and the intake's log")
    return ok("sqs", f"there, with a redrive policy: {named}")


async def intake(url: str) -> Check:
    """Whether an intake runs there and can store what comes."""
    url = url.rstrip("/")
    try:
        status, said = await probes.ask(f"{url}/readyz")
        counted = _counted((await probes.ask(f"{url}/metrics"))[1])
    except Transient as error:
        return attention(
            "intake", str(error), "start the intake, or correct --intake: it names its probes (OUTCOMES_HTTP_PORT)"
        )
    stored, spooled = (counted.get(f"outcomes_intake_{name}") for name in ("stored_total", "spool_events"))
    if stored is None or spooled is None:
        return attention("intake", f"{url} is no intake", "name the probes of the intake (OUTCOMES_HTTP_PORT)")
    found = f"{url} has stored {stored:,.0f} events since it was started, and {spooled:,.0f} wait in its spool"
    if status != 200:
        advice = "bring back what it waits for; its log says more"
        return attention("intake", f"{found}; it is {said.strip()}", advice)
    return ok("intake", found)


def _counted(metrics: str) -> dict[str, float]:
    """The numbers without a label."""
    lines = (line.split(" ") for line in metrics.splitlines() if "#" not in line and "{" not in line)
    return {name: float(value) for name, value in lines}


def disk(settings: Settings) -> Check:
    """Whether the disk of the data folder holds what the intake may keep there, and the embedded database."""
    folder = settings.data_folder.absolute()
    try:
        usage = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists()))
        spooled = _spooled(folder / "intake")
    except OSError as error:
        return unknown("disk", f"{folder} cannot be read ({error.strerror})", "run this as the user of the intake")
    least = max(settings.intake_spool_bytes - spooled, int(LEAST_FREE * usage.total))
    found = f"{_gigabytes(usage.free)} are free on the disk of {folder}"
    if usage.free < least:
        return attention(
            "disk",
            f"{found}; the intake's spool and a margin need {_gigabytes(least)}",
            "make room, set OUTCOMES_DATA_FOLDER to a larger disk, or lower OUTCOMES_INTAKE_SPOOL_BYTES",
        )
    return ok("disk", found)


def _spooled(folder: Path) -> int:
    size = 0
    for path in folder.glob("*.spool"):
        with suppress(FileNotFoundError):  # the intake has just sent it
            size += path.stat().st_size
    return size


def _gigabytes(size: int) -> str:
    return f"{size / 10**9:,.1f} GB"
