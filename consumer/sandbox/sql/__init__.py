"""What the sandbox asks besides. Each statement takes the tenant first."""

from pathlib import Path

from consumer.store.statements import statements

sql = statements(Path(__file__).parent)
