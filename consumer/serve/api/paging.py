"""Pages as Canvas has them: `page` and `per_page`, and a `Link` header that says where the others are. Pure."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

DEFAULT_SIZE = 10
MOST = 100
"""Items of a page, at most; a larger `per_page` is cut silently, as Canvas does."""
LAST_PAGE = 10**9
"""No list is so long; what is asked of the database stays a 64-bit number."""

MOST_LINKS = 4096
"""Characters of a `Link` header, where it could do with less: beyond that only `next` and `prev` are in it."""

_NOT_REPEATED = frozenset({"page", "per_page", "access_token"})
"""Parameters that links do not take over; a token in an address would be told to whoever sees the link."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    number: int
    """From 1."""
    size: int

    @classmethod
    def asked(cls, number: int, size: int) -> "Page":
        """What a request asked for, within the limits."""
        return cls(number, min(size, MOST))

    @property
    def offset(self) -> int:
        """Items before it."""
        return (self.number - 1) * self.size


def links(url: str, page: Page, total: int | None) -> str:
    """The `Link` header of a page of a list of `total` items; None: the page is behind the end, and the end is not known.

    URLs are absolute where `url` is. `prev` is missing on the first page and `next` on the last, as in Canvas.
    """
    named = [("current", page.number)]
    if total is not None and page.offset + page.size < total:
        named.append(("next", page.number + 1))
    if page.number > 1:
        named.append(("prev", page.number - 1))
    named.append(("first", 1))
    if total is not None:
        named.append(("last", max(1, -(-total // page.size))))
    told = [f'<{_with_page(url, number, page.size)}>; rel="{name}"' for name, number in named]
    if (
        sum(map(len, told)) > MOST_LINKS
    ):  # the address is repeated in each, and clients and proxies take no header of any length
        told = [link for link in told if link.endswith(('rel="next"', 'rel="prev"'))]
    return ",".join(told)


def _with_page(url: str, number: int, size: int) -> str:
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in _NOT_REPEATED]
    query = urlencode([*kept, ("page", str(number)), ("per_page", str(size))])
    return urlunsplit(parts._replace(query=query))
