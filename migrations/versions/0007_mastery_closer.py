"""Mastery closer to Canvas, and out of reach of hostile numbers."""

from migrations.script import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Runs the file beside this one."""
    run_sql("0007_mastery_closer.sql")
