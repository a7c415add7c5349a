"""Who asks, and what that one may see. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Scope: TypeAlias = Literal["tenant", "account", "course", "section"]


@dataclass(frozen=True, slots=True)
class Right:
    """One thing that somebody may see."""

    scope: Scope
    scope_id: int | None
    """Of the account, course or section."""
    course_id: int | None
    """Of a course, or the one that a section is in now."""
    names: bool
    operations: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """How much of a course or account somebody sees."""

    sections: frozenset[int] | None
    """Only their students; None: everybody."""
    names: bool

    def shows(self, section_id: int | None) -> bool:
        """Whether somebody in this section is seen."""
        return self.sections is None or section_id in self.sections


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody with at least one right. What is not theirs is for them as if it did not exist."""

    tenant: str
    kind: str
    """What `who` is: token, login, sis or uuid."""
    who: str
    rights: tuple[Right, ...]
    by_cookie: bool = False
    """Whether a browser adds what proves who asks, also to requests that another site has made."""

    @classmethod
    def of(cls, rows: Iterable[Any]) -> "Viewer | None":
        """From the rows of `rights_of_secret` or `rights_of_person`; None where there is no right."""
        told = [dict(row) for row in rows]
        if not told:
            return None
        rights = tuple(Right(*(row[name] for name in Right.__slots__)) for row in told)
        return cls(told[0]["root_account_uuid"], told[0]["kind"], told[0]["who"], rights)

    @property
    def sees_all(self) -> bool:
        """Whether the whole tenant is theirs."""
        return any(right.scope == "tenant" for right in self.rights)

    @property
    def sees_operations(self) -> bool:
        """Whether positions, lag and quarantine are theirs."""
        return any(right.operations for right in self.rights)

    @property
    def sees_names(self) -> bool:
        """Whether names are shown where no single course is asked for: everywhere, or nowhere."""
        return any(right.names for right in self.rights if right.scope == "tenant") or all(right.names for right in self.rights)

    @property
    def accounts(self) -> frozenset[int]:
        """Those that are theirs with all below."""
        return frozenset(right.scope_id for right in self.rights if right.scope == "account" and right.scope_id is not None)

    @property
    def courses(self) -> frozenset[int]:
        """Those of which at least a section is theirs by itself, not by an account."""
        return frozenset(right.course_id for right in self.rights if right.course_id is not None)

    def account(self, above: Collection[int]) -> Sight | None:
        """How much of an account is theirs, by its id and those of the accounts above it; None: nothing."""
        covering = [right for right in self.rights if right.scope == "tenant" or _is_account_of(right, above)]
        return Sight(None, any(right.names for right in covering)) if covering else None

    def course(self, course_id: int, above: Collection[int]) -> Sight | None:
        """How much of a course is theirs, by the ids of the accounts above it; None: nothing.

        Names of students of some sections are shown where the rights to all of these sections say so.
        """
        own = [right for right in self.rights if right.course_id == course_id]
        covering = [right for right in self.rights if right.scope == "tenant" or _is_account_of(right, above)]
        covering += [right for right in own if right.scope == "course"]
        if covering:
            return Sight(None, any(right.names for right in covering))
        sections = [right for right in own if right.scope_id is not None]
        return Sight(frozenset(one.scope_id for one in sections if one.scope_id), _all_named(sections)) if sections else None


def _is_account_of(right: Right, above: Collection[int]) -> bool:
    return right.scope == "account" and right.scope_id in above


def _all_named(sections: Iterable[Right]) -> bool:
    """A section may be theirs by two rights: one with names is enough for it."""
    named: dict[int | None, bool] = {}
    for right in sections:
        named[right.scope_id] = named.get(right.scope_id, False) or right.names
    return all(named.values())
