"""Who may see what over HTTP: rights, sessions, and the log of who looked at students."""

from migrations.script import run_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Runs the SQL file beside this one, after the `.before` file."""
    run_beside(__file__)
