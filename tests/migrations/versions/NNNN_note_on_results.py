"""A column, an index and a CHECK for the largest table."""

from migrations.script import run_beside

revision = "NNNN"
down_revision = "HEAD"


def upgrade() -> None:
    """Runs the SQL file beside this one, after both `.before` files."""
    run_beside(__file__)
