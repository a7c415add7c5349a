"""Version tables that grow with students in partitions by year, and what retention needs."""

from migrations.script import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Runs the file beside this one; `0005_partitioned_versions.before.sql` has run by then."""
    run_sql("0005_partitioned_versions.sql")
