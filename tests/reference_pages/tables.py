"""Tables, views and functions of a migrated database, from its catalogue and the comments in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from tests.reference_pages.markdown import code, escaped, table

_RELATIONS = """
SELECT relation.relname::text AS name, relation.relkind = 'v' AS is_view, obj_description(relation.oid, 'pg_class') AS meaning,
       has_table_privilege('outcomes_reader', relation.oid, 'SELECT') AS readers,
       has_table_privilege('outcomes_writer', relation.oid, 'SELECT') AS writers
  FROM pg_class AS relation
 WHERE relation.relnamespace = 'outcomes'::regnamespace AND relation.relkind IN ('r', 'p', 'v') AND NOT relation.relispartition
 ORDER BY relation.relname
"""
_COLUMNS = """
SELECT relation.relname::text AS relation, attribute.attname::text AS name, format_type(attribute.atttypid, NULL) AS type,
       col_description(relation.oid, attribute.attnum) AS meaning,
       EXISTS (SELECT FROM pg_index WHERE indrelid = relation.oid AND indisprimary AND attribute.attnum = ANY (indkey)) AS key
  FROM pg_class AS relation
  JOIN pg_attribute AS attribute ON attribute.attrelid = relation.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
 WHERE relation.relnamespace = 'outcomes'::regnamespace AND relation.relkind IN ('r', 'p', 'v') AND NOT relation.relispartition
 ORDER BY relation.relname, attribute.attnum
"""
_FUNCTIONS = """
SELECT function.proname::text AS name, pg_get_function_arguments(function.oid) AS arguments,
       pg_get_function_result(function.oid) AS result, obj_description(function.oid, 'pg_proc') AS meaning
  FROM pg_proc AS function
 WHERE function.pronamespace = 'outcomes'::regnamespace AND function.prorettype <> 'trigger'::regtype
   AND has_function_privilege('outcomes_reader', function.oid, 'EXECUTE')
 ORDER BY function.proname
"""
_SHORT = {"timestamp with time zone": "timestamptz", "double precision": "double"}
VERSION, HISTORY, AT = "_version", "_history", "_at"


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the catalogue tells it."""

    name: str
    type: str
    meaning: str
    key: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or a view."""

    name: str
    is_view: bool
    meaning: str
    readable: str
    columns: list[Column] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Function:
    """A function that readers may call."""

    name: str
    arguments: str
    result: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of it, by name."""

    relations: dict[str, Relation]
    functions: dict[str, Function]


async def catalogue(dsn: str) -> Catalogue:
    """What a migrated database says of itself."""
    connection = await asyncpg.connect(dsn)
    try:
        relations = {row["name"]: _relation(row) for row in await connection.fetch(_RELATIONS)}
        for row in await connection.fetch(_COLUMNS):
            column = Column(row["name"], _short(row["type"]), row["meaning"] or "", row["key"])
            relations[row["relation"]].columns.append(column)
        functions = [Function(*(value or "" for value in row.values())) for row in await connection.fetch(_FUNCTIONS)]
    finally:
        await connection.close()
    return Catalogue(relations, {function.name: function for function in functions})


def _relation(row: asyncpg.Record) -> Relation:
    readable = "readers" if row["readers"] else "the writer and the owner" if row["writers"] else "the owner"
    return Relation(row["name"], row["is_view"], row["meaning"] or "", readable)


def _short(text: str) -> str:
    for long, short in _SHORT.items():
        text = text.replace(long, short)
    return text


def _columns(columns: Sequence[Column]) -> str:
    rows = [[f"{code(one.name)}{' (key)' if one.key else ''}", one.type, escaped(one.meaning)] for one in columns]
    return table(["column", "type", "meaning"], rows)


def _families(found: Catalogue) -> dict[str, Relation]:
    """The current tables that have versions, by name."""
    return {name: one for name, one in found.relations.items() if f"{name}{VERSION}" in found.relations}


def _members(family: str) -> tuple[str, ...]:
    return (family, f"{family}{VERSION}", f"{family}{HISTORY}")


def _more(found: Catalogue, name: str, than: Relation) -> list[Column]:
    known = {column.name for column in than.columns}
    return [column for column in found.relations[name].columns if column.name not in known]


def _common(found: Catalogue, suffix: str) -> list[Column]:
    """The columns that all relations of this suffix have and their current tables lack, as most of them describe them."""
    lists = [_more(found, f"{name}{suffix}", one) for name, one in _families(found).items()]
    shared = set.intersection(*({column.name for column in columns} for columns in lists))
    return [column for column in lists[0] if column.name in shared]


def objects(found: Catalogue) -> str:
    """A section for each kind of object: its current table, its versions, its history."""
    parts = []
    for name, relation in _families(found).items():
        rows = [
            [
                code(other),
                escaped(found.relations[other].meaning),
                ", ".join(code(one.name) for one in _more(found, other, relation)),
            ]
            for other in _members(name)[1:]
        ]
        parts += [_heading(relation), _columns(relation.columns), table(["relation", "holds", "columns besides"], rows)]
    return "\n".join(parts)


def versions(found: Catalogue) -> str:
    """The columns that version tables and histories have besides those of the current table."""
    columns = {
        column.name: column
        for suffix in (VERSION, HISTORY)
        for name, one in _families(found).items()
        for column in _more(found, f"{name}{suffix}", one)
    }
    return _columns(list(columns.values()))


def _heading(relation: Relation) -> str:
    kind = "View" if relation.is_view else "Table"
    return f"### `{relation.name}`\n\n{escaped(relation.meaning)}\n\n{kind}, read by {relation.readable}.\n"


def others(found: Catalogue) -> str:
    """A section for each relation that is no object's."""
    known = {member for name in _families(found) for member in _members(name)}
    parts = []
    for name, relation in found.relations.items():
        if name not in known:
            parts += [_heading(relation), _columns(relation.columns)]
    return "\n".join(parts)


def functions(found: Catalogue) -> str:
    """A section for each function that readers may call: what it is for, its arguments and what it returns."""
    parts = []
    for one in found.functions.values():
        arguments = [
            f"* {code(argument)}" for argument in _parts(_short(one.arguments).replace("NULL::timestamptz", "NULL"))
        ] or ["* no arguments"]
        columns = re.fullmatch(r"TABLE\((.*)\)", _short(one.result))
        returned = [f"* {code(column)}" for column in _parts(columns[1])] if columns else []
        result = "Returns a table:" if columns else f"Returns {code(_short(one.result))}."
        lines = [f"### `{one.name}`", "", escaped(one.meaning), "", "Takes:", "", *arguments, "", result, ""]
        parts.append("\n".join([*lines, *returned, *([""] if returned else [])]))
    return "\n".join(parts)


def _parts(text: str) -> list[str]:
    """What commas outside of parentheses part."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part]
