"""`python -m migrations.draft KIND`: drafts the step that makes the tables of a new kind of object, from its model."""

import argparse
import textwrap

from migrations import FOLDER, HEAD
from schemas.base import Body
from schemas.columns import Column, columns_of
from schemas.events import EVENTS, MODELS

_WIDTH = 128
_COMMENTED_BY_DATABASE = {"updated_at", "workflow_state"}
_GLOBAL = "global_id bigint", "Global id as Canvas sent it: shard x 10^13 + local id; null where only REST has told of it."
_RUNNER = '''"""{meaning}"""

from migrations.script import run_beside

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    """Runs the SQL file beside this one."""
    run_beside(__file__)
'''


def call(model: type[Body]) -> str:
    """The statement that makes a kind's tables: a column a line, its meaning from the member's docstring."""
    meaning = _meaning(model).replace("'", "''")
    arguments = [f"'{model.kind}'", f"\n    '{meaning}'", f" $columns$\n{_lines(model)}\n$columns$"]
    flags = [f" {flag} => true" for flag in ("by_year", "private") if getattr(model, flag)]
    return f"SELECT outcomes_internal.create_versioned_table({','.join(arguments + flags)});\n"


def _meaning(model: type[Body]) -> str:
    events = " and ".join(name for name, of in EVENTS.items() if of is model) or "Canvas' REST API"
    return f"{(model.__doc__ or '').splitlines()[0].replace('`', '')} From {events}."


def _lines(model: type[Body]) -> str:
    columns = list(columns_of(model))
    lines = [(_definition(column), "" if column.name in _COMMENTED_BY_DATABASE else column.meaning) for column in columns]
    if columns[0].global_id:
        lines.insert(1, _GLOBAL)
    left = max(len(definition) for definition, _ in lines)
    return "\n".join(_line(definition, meaning, left) for definition, meaning in lines)


def _definition(column: Column) -> str:
    return f"{column.name} {column.type}{' NOT NULL' if column.required else ''}"


def _line(definition: str, meaning: str, left: int) -> str:
    comment = textwrap.wrap(meaning, _WIDTH - left - 8)
    texts = [f"    {definition if index == 0 else '':{left}} -- {part}" for index, part in enumerate(comment)]
    return "\n".join(texts) or f"    {definition}"


def main() -> None:
    """Writes the next step's two files and says their names."""
    parser = argparse.ArgumentParser(prog="python -m migrations.draft", description=__doc__)
    parser.add_argument("kind", choices=sorted(MODELS), metavar="KIND", help="the kind of a model in schemas/")
    model = MODELS[parser.parse_args().kind]
    revision = f"{int(HEAD) + 1:04}"
    step = FOLDER / "versions" / f"{revision}_{model.kind}.sql"
    step.write_text(f"-- {_meaning(model)}\n{call(model)}", encoding="utf-8")
    runner = _RUNNER.format(meaning=f"Makes the tables of {model.kind}.", revision=revision, before=HEAD)
    step.with_suffix(".py").write_text(runner, encoding="utf-8")
    print(f"{step.name} and its .py are written. Read the comments; add indexes of the version table to the call.")  # noqa: T201


if __name__ == "__main__":
    main()
