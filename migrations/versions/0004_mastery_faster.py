"""Rollups and timelines, faster."""

from migrations.script import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Runs the file beside this one."""
    run_sql("0004_mastery_faster.sql")
