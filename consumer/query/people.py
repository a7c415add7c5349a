"""What people are called, and in which order Canvas shows them.

By their names, where the login may read names and one is stored; else by a pseudonym.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from typing import Any, TypeAlias

from pyuca import Collator

from consumer.query.sql import sql
from consumer.store.postgres import Connection

_LEAST_DIGITS = 4
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Name:
    """A row of `person_name`, as it was told last: names have no history."""

    name: str
    short_name: str | None = None
    sortable_name: str | None = None
    login: str | None = None
    sis_user_id: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, by whatever is known of them."""

    user_id: int | None
    user_uuid: str | None
    code: str
    """Hex digits of the pseudonym: the first of a hash, as many as tell apart those who were asked for together, at least 4."""
    known_name: Name | None = None
    """None: no name is stored, or the login may not read it."""

    @property
    def pseudonym(self) -> str:
        """Such as `student 7F3A`."""
        return f"student {self.code}"

    @property
    def label(self) -> str:
        """The name, else the pseudonym."""
        return self.pseudonym if self.known_name is None else self.known_name.name


User: TypeAlias = tuple[int | None, str | None]
"""By id, uuid or both."""


async def people_of(connection: Connection, root_account_uuid: str, users: Collection[User]) -> list[Person]:
    """Those users, each by id, uuid or both, in Canvas' order: by sortable name, then id. The nameless come last, by pseudonym.

    A pseudonym stays the same while the user's id, or without an id the uuid, stays the same. It is easy to read and compare,
    but no secret: whoever can ask this database can compute whose it is.
    """
    ids = [user_id for user_id, _ in users if user_id is not None]
    rows = await connection.fetch(sql("person_names"), root_account_uuid, ids)
    return in_order(root_account_uuid, users, map(dict, rows))


PeopleOf: TypeAlias = Callable[[Connection, str, Collection[User]], Awaitable[list[Person]]]
"""`people_of`, or what asks for names in another role."""


def in_order(root_account_uuid: str, users: Collection[User], rows: Iterable[Mapping[str, Any]]) -> list[Person]:
    """As `people_of`, from the rows of `person_names.sql`."""
    hashes = {user: _hash(root_account_uuid, *user) for user in users}
    digits = _digits(set(hashes.values()))
    names = {row["user_id"]: Name(**{field.name: row[field.name] for field in fields(Name)}) for row in rows}
    people = [Person(*user, hash_[:digits], names.get(user[0] or 0)) for user, hash_ in hashes.items()]

    def order(person: Person) -> tuple[bool, tuple[int, ...], int | str]:
        if (name := person.known_name) is None:
            return True, (), person.code
        return False, name_order(name.sortable_name or name.name), person.user_id or 0

    return sorted(people, key=order)


@lru_cache(10_000)
def name_order(name: str) -> tuple[int, ...]:
    """Sorts as Canvas does: Unicode's collation, with numbers by their value. Alike on every server, unlike `COLLATE`.

    Source: Canvas, `lib/canvas/icu.rb`.
    """
    return tuple(_collator().sort_key(_NUMBER.sub(_by_value, name)))


def _by_value(number: re.Match[str]) -> str:
    digits = number[0].lstrip("0")
    return f"{len(digits):03}{digits}"


@cache
def _collator() -> Collator:
    return Collator()  # reads its tables, which takes a fifth of a second


def _hash(root_account_uuid: str, user_id: int | None, user_uuid: str | None) -> str:
    """Results of users without a uuid call them `id:N`, so that is how an id is written here too."""
    who = user_uuid if user_id is None else f"id:{user_id}"
    return hashlib.sha256(f"{root_account_uuid}\n{who}".encode()).hexdigest().upper()


def _digits(hashes: Collection[str]) -> int:
    digits = _LEAST_DIGITS
    while len({hash_[:digits] for hash_ in hashes}) < len(hashes):
        digits += 1
    return digits
