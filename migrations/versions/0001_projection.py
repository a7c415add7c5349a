"""The projection: current tables, versions, history, books, quarantine, roles."""

from migrations.script import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Runs the file beside this one."""
    run_sql("0001_projection.sql")
