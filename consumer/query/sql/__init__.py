"""What the commands read from the projection."""

from pathlib import Path

from consumer.store.statements import statements

sql = statements(Path(__file__).parent)
