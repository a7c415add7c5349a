"""What Canvas' REST API adds to the feed: alignments, users' ids, backfills; and the tokens of those who are served."""

from migrations.script import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Runs the file beside this one; `0006_rest.before.1.sql` and `0006_rest.before.2.sql` have run by then."""
    run_sql("0006_rest.sql")
