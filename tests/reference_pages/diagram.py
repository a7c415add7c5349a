"""The picture of the tables. The schema has no foreign keys, so the arrows are named here."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import NamedTuple

from tests.reference_pages.tables import Catalogue

ARROWS: Mapping[tuple[str, str], str] = {
    ("account", "parent_account_id"): "account",
    ("course", "account_id"): "account",
    ("learning_outcome_group", "parent_outcome_group_id"): "learning_outcome_group",
    ("learning_outcome_link", "learning_outcome_id"): "learning_outcome",
    ("learning_outcome_link", "learning_outcome_group_id"): "learning_outcome_group",
    ("learning_outcome_result", "user_uuid"): "user_identity",
    ("assignment", "context_id"): "course",
    ("assignment_detail", "id"): "assignment",
    ("course_detail", "id"): "course",
    ("course_detail", "enrollment_term_id"): "enrollment_term",
    ("course_section", "course_id"): "course",
    ("enrollment", "course_section_id"): "course_section",
    ("enrollment", "user_id"): "canvas_user",
    ("enrollment_state", "id"): "enrollment",
    ("person_name", "user_id"): "canvas_user",
    ("roster_reading", "course_id"): "course",
    ("sis_batch", "account_id"): "account",
    ("submission", "assignment_id"): "assignment",
    ("submission", "user_id"): "canvas_user",
    ("user_identity", "user_id"): "canvas_user",
    ("user_merge", "id"): "canvas_user",
    ("user_past_uuid", "user_id"): "canvas_user",
    ("learning_outcome_result", "artifact_id"): "rubric_assessment",
    ("learning_outcome_result", "learning_outcome_id"): "learning_outcome",
    ("learning_outcome_result", "result_context_id"): "course",
    ("outcome_friendly_description", "learning_outcome_id"): "learning_outcome",
    ("outcome_alignment", "course_id"): "course",
    ("outcome_alignment", "learning_outcome_id"): "learning_outcome",
    ("grading_standard_use", "grading_standard_id"): "grading_standard",
}
"""(table, column) -> the table that the column refers to."""
PICTURE: tuple[Mapping[str, tuple[str, ...]], ...] = (
    {
        "account": ("id", "parent_account_id", "name"),
        "course": ("id", "account_id", "name"),
        "outcome_proficiency": ("id", "context_id", "outcome_proficiency_ratings"),
        "outcome_calculation_method": ("id", "context_id", "calculation_method"),
        "course_detail": ("id", "enrollment_term_id", "course_code"),
        "enrollment_term": ("id", "name", "start_at", "end_at"),
        "roster_reading": ("course_id", "event_time"),
        "sis_batch": ("id", "account_id", "workflow_state"),
    },
    {
        "learning_outcome_result": (
            "id",
            "user_uuid",
            "artifact_id",
            "learning_outcome_id",
            "result_context_id",
            "score",
            "possible",
            "assessed_at",
        ),
        "outcome_alignment": ("course_id", "learning_outcome_id", "asset_id"),
        "grading_standard_use": ("context_id", "grading_standard_id", "valid_from"),
        "course_section": ("id", "course_id", "name"),
        "enrollment": ("id", "course_section_id", "user_id", "type", "workflow_state"),
        "submission": ("id", "assignment_id", "user_id", "submitted_at"),
    },
    {
        "user_identity": ("user_id", "user_uuid", "since"),
        "rubric_assessment": ("id", "submitted_at"),
        "learning_outcome": ("id", "context_id", "title", "calculation_method", "rubric_criterion"),
        "grading_standard": ("id", "context_id", "grading_scheme"),
    },
    {
        "learning_outcome_link": ("id", "learning_outcome_id", "learning_outcome_group_id", "context_id"),
        "learning_outcome_group": ("id", "context_id", "parent_outcome_group_id", "title"),
        "outcome_friendly_description": ("id", "learning_outcome_id", "context_id", "description"),
        "canvas_user": ("id", "uuid", "workflow_state"),
        "enrollment_state": ("id", "state"),
        "assignment": ("id", "context_id", "title"),
        "assignment_detail": ("id", "quiz_id"),
    },
    {
        "person_name": ("user_id", "name"),
        "user_merge": ("id", "merged_into_user_id"),
        "user_past_uuid": ("user_id", "user_uuid"),
    },
)
"""The picture's columns from left to right, each with its tables from top to bottom."""

_WIDTH, _GUTTER, _LINE, _GAP, _EDGE = 250, 80, 18, 26, 24
_STYLE = (
    "text{font:12px ui-monospace,monospace;fill:#222}.name{font-weight:bold}.type{fill:#666}"
    ".box{fill:#fff;stroke:#888}.head{fill:#dfe8f3;stroke:#888}.arrow{fill:none;stroke:#2962a8;stroke-width:1.3}"
)


class _Box(NamedTuple):
    table: str
    column: int
    x: int
    y: int
    lines: tuple[str, ...]

    @property
    def height(self) -> int:
        return _LINE * (len(self.lines) + 1) + 6

    def at(self, line: int) -> int:
        """The middle of a line; 0 is the name."""
        return self.y + _LINE * line + _LINE // 2 + (4 if line else 0)


def _boxes() -> Iterator[_Box]:
    for column, tables in enumerate(PICTURE):
        y = _EDGE
        for name, lines in tables.items():
            box = _Box(name, column, _EDGE + column * (_WIDTH + _GUTTER), y, lines)
            yield box
            y += box.height + _GAP


def _drawn(box: _Box, types: Mapping[str, str]) -> str:
    lines = [
        f'<rect class="box" x="{box.x}" y="{box.y}" width="{_WIDTH}" height="{box.height}"/>',
        f'<rect class="head" x="{box.x}" y="{box.y}" width="{_WIDTH}" height="{_LINE + 2}"/>',
        f'<text class="name" x="{box.x + 8}" y="{box.at(0) + 5}">{escape(box.table)}</text>',
    ]
    for number, name in enumerate(box.lines, 1):
        kind = "see context_type" if name == "context_id" else types[name]
        lines.append(f'<text x="{box.x + 8}" y="{box.at(number) + 4}">{escape(name)}</text>')
        if len(name) + len(kind) < 32:
            lines.append(
                f'<text class="type" x="{box.x + _WIDTH - 8}" y="{box.at(number) + 4}" text-anchor="end">{escape(kind)}</text>'
            )
    return "\n".join(lines)


def _arrow(start: _Box, column: str, end: _Box) -> str:
    y, y_end, right = start.at(start.lines.index(column) + 1), end.at(0), start.x + _WIDTH
    if start.column == end.column:  # a bow beside the column
        curve = f"M{right} {y}C{right + 50} {y} {right + 50} {y_end} {right + 2} {y_end}"
    else:
        here, there, bend = (right, end.x - 2, 50) if end.x > start.x else (start.x, end.x + _WIDTH + 2, -50)
        curve = f"M{here} {y}C{here + bend} {y} {there - bend} {y_end} {there} {y_end}"
    return f'<path class="arrow" d="{curve}" marker-end="url(#end)"/>'


def svg(found: Catalogue) -> str:
    """The picture; raises KeyError for a table or column that the database does not have."""
    boxes = {box.table: box for box in _boxes()}
    width = _EDGE * 2 + len(PICTURE) * (_WIDTH + _GUTTER) - _GUTTER + 40
    height = max(box.y + box.height for box in boxes.values()) + _EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        f"<title>Tables and the columns that refer to others</title><style>{_STYLE}</style>",
        '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#2962a8"/></marker></defs>',
        f'<rect width="{width}" height="{height}" rx="6" fill="#fafafa"/>',
    ]
    for name, box in boxes.items():
        parts.append(_drawn(box, {column.name: column.type for column in found.relations[name].columns}))
    parts += [_arrow(boxes[name], column, boxes[target]) for (name, column), target in ARROWS.items()]
    return "\n".join([*parts, "</svg>"]) + "\n"
