"""The settings, from the fields of `Settings` and their docstrings."""

from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from consumer.settings import PREFIX, USUAL_NAMES, Settings
from tests.reference_pages.commands import commands
from tests.reference_pages.markdown import code, escaped

GROUPS = {
    "database_url": "Database",
    "kafka_bootstrap_servers": "Topic and consumer group",
    "batch_size": "Batches",
    "start": "Positions and records",
    "drain_seconds": "Waiting",
    "http_host": "Probes and metrics of the worker",
    "log_format": "Log",
    "kafka_security_protocol": "Kafka client",
    "canvas_url": "Canvas' REST API",
    "serve_host": "HTTP server",
    "sign_in_tenant": "Sign-in and access",
    "intake_host": "Intake",
}
"""First setting of each section -> its heading."""
_UNITS = {"seconds": "seconds", "bytes": "bytes", "batch_size": "events"}


def variable(name: str) -> str:
    """A setting's name in the environment."""
    return f"{PREFIX}{name.upper()}"


def _default(value: Any) -> str:
    if value is None or value is PydanticUndefined:
        return "not set"
    return code(",".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else value)


def _allowed(field: Any) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(field.annotation))
    bounds = {type(one): one for one in field.metadata}
    if Le not in bounds:
        return ""
    least = f"more than {bounds[Gt].gt:,}" if Gt in bounds else f"{bounds[Ge].ge:,}"
    return f"{least}{', at most' if Gt in bounds else ' to'} {bounds[Le].le:,}"


def _facts(name: str, field: Any) -> dict[str, str]:
    flags = [
        f"`{command} {option.opts[0]}`"
        for command, found in commands()
        for option in found.params
        if variable(name) in (getattr(option, "help", None) or "").replace(";", " ").replace(".", " ").split()
    ]
    return {
        "Default": _default(field.default),
        "Unit": next((unit for end, unit in _UNITS.items() if name.endswith(end)), ""),
        "Allowed": _allowed(field),
        "Secret": f"yes: use `{variable(name)}_FILE`" if SecretStr in get_args(field.annotation) else "",
        "Also": code(USUAL_NAMES.get(name)),
        "Flag": ", ".join(flags),
    }


def text() -> str:
    """A heading for each setting, with its default, its unit and what it does."""
    parts: list[str] = []
    for name, field in Settings.model_fields.items():
        if name in GROUPS:
            parts.append(f"## {GROUPS[name]}\n")
        facts = " · ".join(f"{title}: {fact}" for title, fact in _facts(name, field).items() if fact)
        parts.append(f"### `{variable(name)}`\n\n{escaped(field.description or '')}\n\n{facts}\n")
    return "\n".join(parts)
