"""The database's schema, as Alembic migrations that run plain SQL files. A file is never edited once it has been released."""

from pathlib import Path

HEAD = "0010"
"""The revision that this code reads and writes; a test keeps it equal to the newest migration."""

FOLDER = Path(__file__).parent
