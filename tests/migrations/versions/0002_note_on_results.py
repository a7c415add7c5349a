"""A column, an index and a CHECK for the largest table."""

from migrations.script import run_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Runs the SQL file beside this one, after both `.before` files."""
    run_beside(__file__)
