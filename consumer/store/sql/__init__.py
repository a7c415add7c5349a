"""What is written to the projection, and what its upkeep reads."""

from pathlib import Path

from consumer.store.statements import statements

sql = statements(Path(__file__).parent)
