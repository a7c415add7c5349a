"""Grading standards brought in by people: Canvas posts no event about them. Read from REST answers, written, and assigned."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from pydantic import ValidationError

from consumer.errors import UsageError
from consumer.ingest.tables import TABLES
from consumer.query.objects import id_here, tenant_of
from consumer.query.sql import sql
from consumer.store.postgres import Connection, translating
from schemas.base import local_id
from schemas.grading_standards import Standard


def read(label: str, raw: bytes) -> list[Standard]:
    """The standards of one JSON text: one, a list of them, or an object with `grading_standards`. Raises `UsageError`."""
    try:
        values = json.loads(raw, parse_float=_exact, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{label} is not JSON: {error}") from error
    if isinstance(values, dict):
        values = values.get("grading_standards", [values])
    if not isinstance(values, list):
        raise UsageError(f"{label} holds no grading standard: one, a list, or an object with grading_standards was expected")
    standards = []
    for number, value in enumerate(values, start=1):
        try:
            standards.append(Standard.model_validate(value))
        except ValidationError as error:
            which = value.get("id") if isinstance(value, dict) and value.get("id") else f"number {number}"
            raise UsageError(f"{label}: grading standard {which}: {_sentence(error)}; nothing was imported") from error
    return standards


def _exact(number: str) -> Decimal | str:
    """Keeps every digit; a number beyond what Decimal holds stays text, and the field that has it refuses it."""
    try:
        return Decimal(number)
    except InvalidOperation:
        return number


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number in JSON")


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    message = first["msg"]
    return f"{path}: {message[0].lower()}{message[1:]}" if path else message


async def tenant(connection: Connection, given: str | None) -> str:
    """As `objects.tenant_of`; where the projection is empty, the one named, or the only one that has standards."""
    known = [row[0] for name in TABLES for row in await connection.fetch(sql("tenants").format(table=name))]
    imported = [row[0] for row in await connection.fetch(sql("tenants").format(table="grading_standard"))]
    if given is not None:
        return given if given in imported or not known else await tenant_of(connection, given)
    if len(imported) == 1 and set(known) <= set(imported):
        only: str = imported[0]
        return only
    if not known:
        several = f": {', '.join(imported[:10])}" if imported else ""
        raise UsageError(f"the projection is empty: name the tenant with --tenant{several}")
    return await tenant_of(connection, None)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the standards of one import."""

    root_account_uuid: str
    standards: tuple[Mapping[str, Any], ...]
    """Each with its normalised scheme; `added`: a new state; `moved`: which is current now."""

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        added = sum(standard["added"] for standard in self.standards)
        return {
            "root_account_uuid": self.root_account_uuid,
            "imported": added,
            "unchanged": len(self.standards) - added,
            "standards": [plain(standard) for standard in self.standards],
        }


async def take_in(
    connection: Connection, standards: Iterable[Standard], given_tenant: str | None, as_of: datetime | None
) -> Imported:
    """Adds what is new, all or nothing. Raises `UsageError` where one standard occurs in two versions."""
    _refuse_future(as_of)
    by_id: dict[int, Standard] = {}
    for standard in standards:
        if by_id.setdefault(standard.id, standard) != standard:
            raise UsageError(f"grading standard {standard.id} occurs in two versions; nothing was imported")
    root_account_uuid = await tenant(connection, given_tenant)
    body = json.dumps([standard.model_dump(mode="json") for standard in by_id.values()])
    rows = await _write(connection, "letters_import", root_account_uuid, body, as_of)
    return Imported(root_account_uuid, tuple(dict(row) for row in rows))


async def use(
    connection: Connection,
    standard: int | None,
    context: tuple[str, int],
    given_tenant: str | None,
    as_of: datetime | None,
) -> dict[str, Any]:
    """Says which standard an assignment, course or account uses from a time on; None for none of its own."""
    _refuse_future(as_of)
    root_account_uuid = await tenant(connection, given_tenant)
    context_type, context_id = context[0], await id_here(connection, root_account_uuid, context[0].lower(), context[1])
    if standard is not None:
        found = await standard_at(connection, root_account_uuid, standard, as_of)
        if found["workflow_state"] == "deleted":
            raise UsageError(f"grading standard {standard} is deleted: nothing can use it")
        standard = found["grading_standard_id"]
    ((valid_from, added),) = await _write(
        connection, "letters_use", root_account_uuid, context_type, context_id, standard, as_of
    )
    return {
        "root_account_uuid": root_account_uuid,
        "context_type": context_type,
        "context_id": context_id,
        "grading_standard_id": standard,
        "valid_from": valid_from,
        "added": added,
    }


async def _write(connection: Connection, statement: str, *arguments: Any) -> list[Any]:
    with translating():
        async with connection.transaction():
            await connection.execute(sql("letters_lock"))
            return list(await connection.fetch(sql(statement), *arguments))


def _refuse_future(as_of: datetime | None) -> None:
    if as_of is not None and as_of > datetime.now(UTC):
        raise UsageError(f"{as_of:%Y-%m-%d %H:%M:%S} lies in the future: what holds then is not known yet")


async def standard_at(connection: Connection, root_account_uuid: str, id_: int, at: datetime | None) -> dict[str, Any]:
    """A standard's state at a time; None: now. Raises `UsageError` where there is none."""
    row = await connection.fetchrow(sql("letters_standard"), root_account_uuid, local_id(id_), at)
    if row is None:
        then = f" at {at:%Y-%m-%d %H:%M:%S}" if at else ""
        raise UsageError(f"no grading standard {local_id(id_)} is known of {root_account_uuid}{then}")
    return dict(row)


def plain(standard: Mapping[str, Any]) -> dict[str, Any]:
    """One state for machines: numbers and the scheme as JSON has them."""
    return {
        name: json.loads(value) if name == "grading_scheme" else float(value) if isinstance(value, Decimal) else value
        for name, value in standard.items()
    }
