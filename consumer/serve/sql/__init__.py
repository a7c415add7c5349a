"""What the server asks. Each statement takes the tenant first, so that no other tenant's rows can be in an answer."""

from pathlib import Path

from consumer.store.statements import statements

sql = statements(Path(__file__).parent)
