"""The gradebook for people: on a terminal, at 60 columns and more."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from consumer.printable import isolated, printable
from consumer.query.gradebook import Gradebook, Row
from consumer.query.scale import as_of, method_text, moment, number, style_of
from consumer.query.students import Student

NOT_YET = "–"
"""Stands for a student who is not yet assessed."""

_HEADING = 12
"""Cells of a column's heading, at most."""
_GAP = 2
_INITIALS = 4
"""Letters of a level's name in a cell, at most."""
_BAR = 20
_MARKS = {
    "left": "left: is enrolled no more, and counts in no mean, median or level",
    "unknown": "unknown: has results, but no enrolment in the course is known",
    "test": "test: the test student of the course",
}


def render(found: Gradebook) -> RenderableType:
    """For people, at 60 columns and more."""
    where = f"{found.setting.context} of {printable(found.root_account_uuid)}{as_of(found.at, found.known_at)}"
    if found.rows.section is not None:
        where = f"section {found.rows.section} of {where}"
    title = Text(where + (f", judged as of {moment(found.scale_at)}" if found.scale_at else ""), style="bold")
    then = "at that moment" if found.at or found.known_at else "so far"
    if not found.students and not found.outcomes:
        return Group(title, Text(f"Nothing to show: no student and no outcome is known here {then}."))
    if not found.outcomes:
        return Group(title, _Tables(found), Text(f"No outcome is linked here or has results {then}."))
    legend = RichTable.grid(padding=(0, 1, 0, 0))
    legend.add_column(justify="right", no_wrap=True)
    legend.add_column(overflow="fold")
    for index, outcome in enumerate(found.outcomes, start=1):
        legend.add_row(str(index), title_of(outcome))
    key = [f"* mastery · {NOT_YET} not yet assessed · letters after a score: how its level's name begins"]
    key += [sentence for mark, sentence in _MARKS.items() if any(mark in marks for marks in _marks(found.students))]
    rules = {name: [of(found, outcome) for outcome in found.outcomes] for name, of in (("scale", _scale), ("method", _method))}
    same = [f"{name}: {texts[0]}" for name, texts in rules.items() if len(set(texts)) == 1]
    parts: list[RenderableType] = [title, _Tables(found), *(Text(line, "dim") for line in key + same), Text(), legend]
    for index, outcome in enumerate(found.outcomes, start=1):
        own = [f"{name}: {texts[index - 1]}" for name, texts in rules.items() if len(set(texts)) > 1]
        parts += [Text(), *_outcome(found, index, outcome, own)]
    return Group(*parts)


def _scale(found: Gradebook, outcome: Row) -> str:
    """Whose it is, and from where on it is mastery."""
    from_ = f"mastery from {number(outcome['mastery_points'])} of {number(outcome['points_possible'])}"
    return f"{found.setting.owner_of_scale()}, {from_}"


def _method(found: Gradebook, outcome: Row) -> str:
    """Whose it is, and which."""
    return f"{found.setting.owner_of_method()}, {method_text(outcome['calculation_method'], outcome['calculation_int'])}"


def title_of(outcome: Row) -> Text:
    """In full, with the groups that it is in, its id and its other name."""
    id_, title, display = outcome["learning_outcome_id"], outcome["title"], outcome["display_name"]
    if title is None:
        return Text(f"outcome {id_}, of which no event has told")
    text = Text(printable(outcome["outcome_path"]))
    if display and display != title:
        text.append(f" ({printable(display)})")
    return text.append(f" · outcome {id_}", style="dim")


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    cells: list[Text]

    @property
    def width(self) -> int:
        return max(cell_len(self.heading), *(cell.cell_len for cell in self.cells))


class _Tables:
    """The scores; where they do not fit side by side, one table below the other, each with the students."""

    def __init__(self, found: Gradebook) -> None:
        self._students = found.students
        self._marks = [", ".join(marks) for marks in _marks(found.students)]
        self._columns = [_column(found, index, outcome) for index, outcome in enumerate(found.outcomes, start=1)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        beside = max(map(len, self._marks)) + _GAP if any(self._marks) else 0
        names = _names(self._students)
        if (
            max(map(cell_len, names), default=0) + beside + sum(_GAP + column.width for column in self._columns)
            > options.max_width
        ):
            names = _names(self._students, options.max_width // 4)
        if self._columns:
            names += ["mean", "median"]
        left = max(cell_len(name) for name in (*names, "student")) + beside
        for columns in _pages(self._columns, options.max_width - left):
            table = RichTable(box=None, header_style="dim", pad_edge=False)
            table.add_column("student", no_wrap=True)
            if beside:
                table.add_column(style="dim", no_wrap=True)
            for column in columns:
                table.add_column(Text(column.heading), overflow="fold")
            for index, name in enumerate(names):
                style = "" if index < len(self._students) else "bold"
                marks = [next(iter(self._marks[index : index + 1]), "")] if beside else []
                table.add_row(Text(isolated(name)), *marks, *(column.cells[index] for column in columns), style=style)
            yield table
            yield Text()


def _pages(columns: list[_Column], room: int) -> Iterator[list[_Column]]:
    """As many columns at a time as fit, one at least."""
    page: list[_Column] = []
    used = 0
    for column in columns:
        if page and used + _GAP + column.width > room:
            yield page
            page, used = [], 0
        page.append(column)
        used += _GAP + column.width
    yield page


def _names(students: Sequence[Student], room: int | None = None) -> list[str]:
    """Each at most so many cells wide; those that look alike also have the digits of the pseudonym."""
    names = [_cut(printable(student.person.label), room) for student in students]
    alike = {name for name, number_ in Counter(names).items() if number_ > 1}
    for index, student in enumerate(students):
        if names[index] in alike:
            digits = f" ({student.person.code})"
            names[index] = _cut(printable(student.person.label), room and room - len(digits)) + digits
    return names


def _cut(name: str, room: int | None) -> str:
    return name if room is None or cell_len(name) <= room else f"{set_cell_size(name, room - 1).rstrip()}…"


def _marks(students: Sequence[Student]) -> list[list[str]]:
    """What sets each apart. Where no enrolment is known at all, nobody is marked for that."""
    plain = ["unknown"] if all(student.standing == "unknown" for student in students) else []
    return [[mark for mark in student.marks if mark not in plain] for student in students]


def _column(found: Gradebook, index: int, outcome: Row) -> _Column:
    heading = Text(f"{index} {printable(outcome['display_name'] or outcome['title'] or outcome['learning_outcome_id'])}")
    heading.truncate(_HEADING, overflow="ellipsis")
    cells = [found.cell(student, outcome) for student in found.students]
    numbers = [NOT_YET if cell["score"] is None else _score(cell["score"]) for cell in cells] + [
        NOT_YET if outcome[name] is None else _score(outcome[name]) for name in ("mean", "median")
    ]
    width = max(map(len, numbers))
    letters = _initials(outcome["levels"])
    texts = [Text(one.rjust(width)) for one in numbers]
    for text, cell in zip(texts, cells, strict=False):
        if cell["score"] is not None:
            text.append(f" {letters.get(cell['rating'], ' ')}{'*' if cell['mastery'] else ''}")
            text.stylize(f"{'bold ' if cell['mastery'] else ''}{style_of(cell['color'])}".strip())
    return _Column(heading.plain, texts)


def _initials(levels: list[Row]) -> dict[str, str]:
    """Level -> as few of its first letters as tell it from the others of its scale; where that takes too many, its points."""
    names = {level["description"]: printable(level["description"]) for level in levels if level["description"]}
    for length in range(1, _INITIALS + 1):
        if len({name[:length] for name in names.values()}) == len(names):
            return {level: name[:length] for level, name in names.items()}
    points = {level["description"]: number(level["points"]) for level in levels}
    return {level: f"{name[:1]}{points[level]}" for level, name in names.items()}


def _score(value: Decimal) -> str:
    """Two decimals; a median between two scores may have three, whatever doubles make of it."""
    short = f"{value:.3f}"
    return short.removesuffix("0")


def _outcome(found: Gradebook, index: int, outcome: Row, own: list[str]) -> list[RenderableType]:
    """One outcome over the students: its levels, who is missing, and by what it is judged, unlike the others."""
    not_yet = found.not_yet_assessed(outcome)
    below = outcome["assessed"] - sum(level["count"] for level in outcome["levels"])
    counts = [
        f"{outcome['assessed']} assessed",
        f"{outcome['mastered']} mastered",
        *([f"{below} below the lowest level"] if below else []),
        f"{not_yet} not yet assessed",
    ]
    below_title = Group(_Bars(outcome["levels"]), Text(" · ".join(counts)), *(Text(line, "dim") for line in own))
    return [Text(f"{index} ", style="bold").append_text(title_of(outcome)), Padding.indent(below_title, 2)]


class _Bars:
    """How many students stand on each level, highest first; shorter bars where there is less room."""

    def __init__(self, levels: list[Row]) -> None:
        self._levels = levels

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self._grid(console))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._grid(console)

    def _grid(self, console: Console) -> RichTable:
        bar = min(_BAR, console.width // 4)
        grid = RichTable.grid(padding=(0, 1, 0, 0))
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_column(width=bar, no_wrap=True)
        grid.add_column(justify="right", no_wrap=True)
        for level in self._levels:
            name = Text(f"{printable(level['description'] or '')}{'*' if level['mastery'] else ''}")
            drawn = "█" * max(round(bar * level["percent"] / 100), 1 if level["count"] else 0)
            count = f"{level['count']} · {level['percent']:g} %"
            grid.add_row(number(level["points"]), name, Text(drawn, style=style_of(level["color"])), count)
        return grid
