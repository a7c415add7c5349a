"""Templates, and how they write moments, numbers and levels. Pure: the command that writes a file uses it too."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from consumer.query.members import Member
from consumer.query.scale import method_text, number
from consumer.rights.viewer import Viewer

ALONE = "alone.html"
SHEET, SCRIPT = "pages.css", "htmx-2.0.11.min.js"
SCRIPT_SHA256 = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"
"""Of the file `dist/htmx.min.js` in the package htmx.org, version 2.0.11, which is free for any use (0BSD)."""
NO_COLOR = "767676"
_HEX = re.compile(r"[0-9a-fA-F]{6}")
_SHAPES = ("mastery", "near", "below")
"""Of the lowest level that is mastery, and of those under it."""


@cache
def static(name: str) -> bytes:
    """A file that pages need."""
    return resources.files(__package__).joinpath("static", name).read_bytes()


@cache
def version(name: str) -> str:
    """Of a static file, for its address: a changed one is loaded anew."""
    return sha256(static(name)).hexdigest()[:10]


def day(value: datetime | None) -> str:
    """`1 Mar 2025, 14:05 UTC`; without the time where it is midnight."""
    if value is None:
        return "an unknown time"
    utc = value.astimezone(UTC)
    time = f", {utc:%H:%M}" if (utc.hour, utc.minute) != (0, 0) else ""
    return f"{utc.day} {utc:%b %Y}{time} UTC"


def sentence(text: str) -> str:
    """With a capital letter at its beginning; the rest stays."""
    return text[:1].upper() + text[1:]


def iso(value: datetime) -> str:
    """As addresses write a moment: a date where it is midnight."""
    text = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return text.removesuffix("T00:00:00Z")


def student_path(student: Member) -> str:
    """A student in addresses: the id, else the uuid."""
    return str(student.user_id) if student.user_id is not None else f"uuid:{quote(student.key, safe='')}"


def way(chain: Sequence[Mapping[str, Any]], at: datetime | None, viewer: Viewer) -> list[tuple[str, str | None]]:
    """The accounts above a context, from the root down, with the addresses of those that the viewer may see."""
    then = query({"at": at})
    found: list[tuple[str, str | None]] = [("Home", f"/{then}")]
    seen = viewer.sees_all
    for one in reversed(chain):
        if one["owner_type"] == "Account":
            seen = seen or one["owner_id"] in viewer.accounts
            found.append((one["name"] or f"Account {one['owner_id']}", f"/accounts/{one['owner_id']}{then}" if seen else None))
    return found


def query(parameters: Mapping[str, Any]) -> str:
    """As the end of an address, without what is not asked for."""
    told = [(name, value) for name, value in parameters.items() if value not in (None, "", False, [])]
    return f"?{urlencode([(name, _text(value)) for name, value in told], doseq=True)}" if told else ""


def _text(value: Any) -> Any:
    match value:
        case datetime():
            return iso(value)
        case True:
            return 1
        case _:
            return value


def color(value: str | None) -> str:
    """A level's colour as SVG writes it; grey where it is no six hex digits."""
    return f"#{value if value and _HEX.fullmatch(value) else NO_COLOR}"


def place_of(score: float, levels: Sequence[Mapping[str, Any]]) -> int | None:
    """Which level a score is on, of the highest first; None below the lowest."""
    return next((n for n, level in enumerate(levels) if level["points"] is not None and level["points"] <= score), None)


def shape(place: int | None, levels: Sequence[Mapping[str, Any]]) -> str:
    """How a level is drawn: by where it stands to mastery, so that no level is told by its colour alone."""
    mastery = max((n for n, level in enumerate(levels) if level["mastery"]), default=-1)
    if place is None:
        return "low"
    under = place - mastery
    return "exceeds" if under < 0 else _SHAPES[under] if under < len(_SHAPES) else "low"


def method_words(name: str | None, calculation_int: int | None) -> str:
    """A calculation method in the words of Canvas' pages."""
    older = 100 - (calculation_int or 0)
    match name:
        case "highest":
            return "highest score"
        case "latest":
            return "most recent score"
        case "average":
            return "average"
        case "n_mastery":
            times = "one result is" if calculation_int == 1 else f"{calculation_int} results are"
            return f"number of times: the mean of results at mastery, once {times}"
        case "decaying_average" | "weighted_average":
            return f"weighted average: the newest result counts {calculation_int} %, the mean of all before {older} %"
        case "standard_decaying_average":
            return f"decaying average: each newer result counts {calculation_int} %, all before it {older} %"
        case _:
            return method_text(name, calculation_int)


@cache
def templates() -> Environment:
    """Every value is escaped, and a name that is not there is an error."""
    made = Environment(
        loader=PackageLoader("consumer.serve.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "day": day,
        "iso": iso,
        "sentence": sentence,
        "points": number,
        "color": color,
        "query": query,
        "student_path": student_path,
    }
    made.globals |= {"SHEET": SHEET, "SCRIPT": SCRIPT, "version": version, "method_words": method_words, "way": way}
    return made


def render(template: str, *, layout: str = "base.html", **values: Any) -> str:
    """A page. The layout `alone.html` makes a file that needs nothing else."""
    return templates().get_template(template).render(layout=layout, alone=layout == ALONE, **values)
