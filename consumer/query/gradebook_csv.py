"""The gradebook as CSV: a row for each student and outcome, safe to open in a spreadsheet."""

import csv
import io
import re
from datetime import UTC, datetime
from typing import Any

from consumer.query.gradebook import Gradebook
from consumer.query.scale import number

COLUMNS = (
    "root_account_uuid",
    "course_id",
    "user_uuid",
    "learning_outcome_id",
    "title",
    "score",
    "mastery",
    "rating",
    "color",
    "calculation_method",
    "calculation_int",
    "points_possible",
    "mastery_points",
    "results",
    "last_assessed_at",
    "student_name",
    "student_pseudonym",
    "user_id",
    "section_names",
    "enrollment_states",
    "standing",
    "test_student",
    "outcome_path",
)
"""New ones are added at the end: people read them by position, too."""
_FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
"""What a formula begins with; spreadsheets take the full-width and small forms for the others."""
_BREAKS = ";\t\r\n"
"""Behind these a spreadsheet may begin a new cell within a text. A comma is not among them: the writer quotes it."""
_SKIPPED = re.compile(r"[\s;\"'`\x00-\x1f\x7f-\xa0\u200b-\u200f\u2018-\u201f\u2060\ufeff]+")
"""Blanks, quotes and what nobody sees: a spreadsheet may drop them in front of a formula."""


def as_csv(found: Gradebook) -> str:
    """The not yet assessed too. Times in UTC. Names where the login may read them."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for student in found.students:
        name = student.person.known_name
        of_student = {
            "root_account_uuid": found.root_account_uuid,
            "course_id": found.course,
            "user_uuid": student.key,
            "student_name": name and name.name,
            "student_pseudonym": student.person.pseudonym,
            "user_id": student.user_id,
            "section_names": ", ".join(student.section_names),
            "enrollment_states": ", ".join(dict.fromkeys(one.workflow_state for one in student.enrollments)),
            "standing": student.standing,
            "test_student": student.test_student,
        }
        for outcome in found.outcomes:
            row = of_student | outcome | found.cell(student, outcome)
            writer.writerow([field(row[column]) for column in COLUMNS])
    return file.getvalue()


def field(value: Any) -> str:
    """One value, as a spreadsheet takes it for what it is."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return number(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case str():
            return as_text(value)
        case _:
            return str(value)


def as_text(value: str) -> str:
    """The text as a CSV cell that no spreadsheet runs: an apostrophe stands before what looks like a formula.

    Source: OWASP, "CSV Injection".
    """

    def guarded(skipped: re.Match[str]) -> str:
        text, begins = skipped[0], value[skipped.end() : skipped.end() + 1]
        cell = 1 + max(text.rfind(end) for end in _BREAKS)
        if not begins or begins not in _FORMULA or not (cell or skipped.start() == 0):
            return text
        return f"{text[:cell]}'{text[cell:]}"

    safe = _SKIPPED.sub(guarded, value)
    return f"'{safe}" if safe and safe[0] in _FORMULA + "\t\r\n" else safe
