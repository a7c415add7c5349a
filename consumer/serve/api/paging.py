"""Pages as in Canvas: `page` and `per_page`, and a `Link` header with the addresses of other pages. Pure."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

DEFAULT_SIZE = 10
MAX_SIZE = 100
"""Items of a page; a larger `per_page` is cut silently, as Canvas does."""
LAST_PAGE = 10**9
"""No list is so long, and offsets stay 64-bit numbers."""

MAX_LINK_HEADER = 4096
"""Characters. A longer one is cut to `next` and `prev`: it repeats the address, and clients and proxies limit headers."""

_NOT_REPEATED = frozenset({"page", "per_page", "access_token"})
"""Parameters that links leave out; whoever sees a link would see a token in it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    number: int
    """From 1."""
    size: int

    @classmethod
    def limited(cls, number: int, size: int) -> "Page":
        """A page within the limits."""
        return cls(number, min(size, MAX_SIZE))

    @property
    def offset(self) -> int:
        """Items before it."""
        return (self.number - 1) * self.size


def links(url: str, page: Page, total: int | None) -> str:
    """The `Link` header of a page of a list of `total` items; None: the page lies after an unknown end.

    URLs are absolute where `url` is. `prev` is missing on the first page and `next` on the last, as in Canvas.
    """
    pages = [("current", page.number)]
    if total is not None and page.offset + page.size < total:
        pages.append(("next", page.number + 1))
    if page.number > 1:
        pages.append(("prev", page.number - 1))
    pages.append(("first", 1))
    if total is not None:
        pages.append(("last", max(1, -(-total // page.size))))
    found = [f'<{_with_page(url, number, page.size)}>; rel="{name}"' for name, number in pages]
    if sum(map(len, found)) > MAX_LINK_HEADER:
        found = [link for link in found if link.endswith(('rel="next"', 'rel="prev"'))]
    return ",".join(found)


def pagination(url: str, page: Page, total: int) -> dict[str, Any]:
    """The same in an answer's `meta`, as Canvas' `lib/api.rb` writes it."""
    last = max(1, -(-total // page.size))
    found = {
        "per_page": page.size,
        "page": page.number,
        "template": _with_page(url, "{page}", page.size),
        "count": total,
        "page_count": last,
        "current": _with_page(url, page.number, page.size),
    }
    if page.number < last:
        found["next"] = _with_page(url, page.number + 1, page.size)
    return found | {"first": _with_page(url, 1, page.size), "last": _with_page(url, last, page.size)}


def _with_page(url: str, number: int | str, size: int) -> str:
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in _NOT_REPEATED]
    query = urlencode([*kept, ("page", str(number)), ("per_page", str(size))], safe="{}")
    return urlunsplit(parts._replace(query=query))
