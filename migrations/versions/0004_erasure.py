"""Erasure: whom the projection must not store again, and a sixth end of an event in the books."""

from migrations.script import run_beside

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Runs the SQL file beside this one."""
    run_beside(__file__)
