"""The projection: current tables, versions, books, quarantine, grading standards, backfills, tokens."""

from migrations.script import run_beside

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Runs the SQL files beside this one."""
    run_beside(__file__, "books", "objects", "beside")
