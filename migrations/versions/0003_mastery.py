"""Mastery as Canvas computes it: rollups, scales, timeline."""

from migrations.script import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Runs the file beside this one."""
    run_sql("0003_mastery.sql")
