"""The database's schema: tables by numbered steps that Alembic runs, functions and views as they are today, one a file."""

from pathlib import Path

FOLDER = Path(__file__).parent

HEAD = max(file.name for file in FOLDER.glob("versions/*.sql")).partition("_")[0]
"""The newest step: the revision that this code reads and writes."""
