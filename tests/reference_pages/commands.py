"""The commands, from the tree that `outcomes` is parsed with."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from consumer.commands.main import app
from tests.reference_pages.markdown import block, code, escaped, table

EXAMPLE = "Example: "
_TAKES = {int: "NUMBER", float: "NUMBER", str: "TEXT", Path: "FILE"}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command and every family of commands, by its whole name."""
    yield from _below("outcomes", get_command(app))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    for inner_name, inner in command.commands.items():
        yield f"{name} {inner_name}", inner
        if isinstance(inner, TyperGroup):
            yield from _below(f"{name} {inner_name}", inner)


def _option(parameter: Any) -> list[str]:
    names = ", ".join([*parameter.opts, *parameter.secondary_opts]) if parameter.param_type_name == "option" else ""
    takes = "" if getattr(parameter, "is_flag", False) else parameter.metavar or _TAKES[parameter.type_descriptor.annotation]
    given = parameter.default if not isinstance(parameter.default, bool) else None
    default = "required" if parameter.required else code(given)
    return [code(f"{names} {takes}".strip()), default, escaped(parameter.help or "")]


def _described(name: str, command: Any) -> str:
    paragraphs = [" ".join(part.split()) for part in inspect.cleandoc(command.help or "").split("\n\n")]
    examples = [part.removeprefix(EXAMPLE) for part in paragraphs if part.startswith(EXAMPLE)]
    sentences = [escaped(part) for part in paragraphs if not part.startswith(EXAMPLE)]
    sentences += [escaped(command.epilog)] if command.epilog else []
    parts = [f"{'##' if name.count(' ') == 1 else '###'} `{name}`\n", *(f"{sentence}\n" for sentence in sentences)]
    if examples:
        parts.append(block("text", "\n".join(examples)))
    rows = [_option(parameter) for parameter in command.params if not (parameter.hidden or "--help" in parameter.opts)]
    if rows and not isinstance(command, TyperGroup):
        parts.append(table(["argument or option", "default", "meaning"], rows))
    return "\n".join(parts)


def text() -> str:
    """A heading for each command, with its help, its examples and its options."""
    return "\n".join(_described(name, command) for name, command in commands())
