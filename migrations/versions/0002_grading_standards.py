"""Grading standards: which letter a percentage is, who uses which standard, and the functions that know Canvas' rules."""

from migrations.script import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Runs the file beside this one."""
    run_sql("0002_grading_standards.sql")
