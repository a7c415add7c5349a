"""The checks' names; and one check: how it ended, what was found, and what to do."""

from typing import Literal, NamedTuple

INLET = ("jwks", "sqs", "intake", "disk")
STREAM = ("topic", "retention", "group")
BASE = ("database", "roles", "clock", "schema")
FEED = ("lag", "heartbeat", "silence", "quarantine", "gaps", "rosters", "growth")
NAMES = (*INLET, *STREAM, *BASE, *FEED, "canvas")

State = Literal["ok", "attention", "unknown", "skipped"]
"""`unknown`: the check cannot be made, which needs attention too."""


class Check(NamedTuple):
    """How one check ended."""

    name: str
    state: State
    found: str
    """A sentence."""
    advice: str = ""
    """A sentence: the command to run or the setting to change. Empty where nothing has to be done."""


def ok(name: str, found: str) -> Check:
    """Nothing has to be done."""
    return Check(name, "ok", found)


def attention(name: str, found: str, advice: str) -> Check:
    """Somebody has to act."""
    return Check(name, "attention", found, advice)


def unknown(name: str, why: str, advice: str) -> Check:
    """The check cannot be made."""
    return Check(name, "unknown", why, advice)


def follows(name: str, other: str) -> Check:
    """The check needs what another one, which says what to do, has not found."""
    return unknown(name, f"cannot be checked: see `{other}`", "")
