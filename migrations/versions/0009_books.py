"""Books that a hostile feed cannot fill, and values that readers do not see."""

from migrations.script import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Runs the file beside this one.

    Before it have run `0009_books.before.1.sql`, `0009_books.before.2.sql`, `0009_books.before.3.sql`,
    `0009_books.before.4.sql` and `0009_books.before.5.sql`.
    """
    run_sql("0009_books.sql")
