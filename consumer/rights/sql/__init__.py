"""What is asked about rights, tokens, sessions and looks."""

from pathlib import Path

from consumer.store.statements import statements

sql = statements(Path(__file__).parent)
