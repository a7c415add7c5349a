"""Indexes of results in an order that decides sooner."""

from migrations.script import run_beside

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Runs the SQL file beside this one, after the `.before` file."""
    run_beside(__file__)
