"""People and places: users, enrolments, sections, terms, assignments, submissions."""

from migrations.script import run_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Runs the SQL file beside this one."""
    run_beside(__file__)
