"""A result whose student changed is told as that."""

from migrations.script import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Runs the file beside this one."""
    run_sql("0010_moved_results.sql")
