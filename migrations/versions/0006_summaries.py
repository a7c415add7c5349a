"""Summaries of courses that are kept, and the marks that say which of them are no longer right."""

from migrations.script import run_beside

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Runs the SQL file beside this one."""
    run_beside(__file__)
