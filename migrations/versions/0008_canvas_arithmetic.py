"""Scores equal to Canvas' to the last cent."""

from migrations.script import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Runs the file beside this one."""
    run_sql("0008_canvas_arithmetic.sql")
