"""A gradebook as one file that opens from a disk and asks the network for nothing. Pure."""

import base64
from datetime import datetime
from hashlib import sha256

from consumer.query.gradebook import Gradebook
from consumer.serve.pages import rendering
from consumer.serve.pages.gradebook_table import Table


def gradebook_file(found: Gradebook, now: datetime) -> str:
    """The page of all students, its style sheet within; its policy allows that one style and nothing else."""
    sheet = rendering.static(rendering.SHEET).decode()
    digest = base64.b64encode(sha256(sheet.encode()).digest()).decode()
    return rendering.render(
        "gradebook.html",
        layout=rendering.ALONE,
        table=Table.of(found),
        view=None,
        now=now,
        sheet=sheet,
        sheet_hash=f"sha256-{digest}",
    )
