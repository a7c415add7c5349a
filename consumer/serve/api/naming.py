"""What people are called in answers, and in which order they are listed."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from consumer.query import people
from consumer.query.people import Person
from consumer.query.sql import sql as query_sql
from consumer.serve.api.dependencies import TenantRequest

User = tuple[int | None, str | None]
"""By id, uuid or both."""
_LAST = 2**63


@dataclass(frozen=True, slots=True)
class Name:
    """The members of a user that name a person. Canvas always sends the first three: a pseudonym stands in for a name."""

    name: str
    short_name: str
    sortable_name: str
    login: str | None
    sis_user_id: str | None


@dataclass(frozen=True, slots=True)
class Names:
    """The people that were asked for."""

    of: dict[User, Name]
    """In Canvas' order: by sortable name, the nameless last."""
    places: dict[User, int]
    stored: bool
    """Whether any name is stored that this server may read."""

    def sorted(self, users: Iterable[User], *, by: str = "sortable_name", descending: bool = False) -> list[User]:
        """In Canvas' order by a member; of equal ones, by id. Who has none comes last."""
        found = sorted(users, key=lambda user: user[0] or _LAST, reverse=descending)
        if by == "sortable_name":
            return sorted(found, key=lambda user: self.places[user], reverse=descending)
        told = [user for user in found if getattr(self.of[user], by) is not None]
        told.sort(key=lambda user: people.name_order(getattr(self.of[user], by)), reverse=descending)
        return told + [user for user in found if getattr(self.of[user], by) is None]

    def matches(self, user: User, text: str) -> bool:
        """Whether a name, login or SIS id holds the text, or it is the id."""
        name = self.of[user]
        told = (name.name, name.short_name, name.sortable_name, name.login, name.sis_user_id)
        return str(user[0]) == text or any(text.casefold() in one.casefold() for one in told if one is not None)


async def names_of(request: TenantRequest, users: Collection[User]) -> Names:
    """Asks for all of a list, not for a page of it, so that pseudonyms are the same on every page.

    Sorts in a thread: the first time it reads the tables of Unicode's order.
    """
    ids = [user_id for user_id, _ in users if user_id is not None]
    rows = await request.pool.fetch_names(query_sql("person_names"), request.tenant, ids)
    found = await asyncio.to_thread(people.in_order, request.tenant, users, [dict(row) for row in rows])
    of = {(one.user_id, one.user_uuid): _name(one) for one in found}
    return Names(of, {user: place for place, user in enumerate(of)}, bool(rows))


def _name(person: Person) -> Name:
    label, known = person.label, person.known_name
    if known is None:
        return Name(label, label, label, None, None)
    return Name(label, known.short_name or label, known.sortable_name or label, known.login, known.sis_user_id)
