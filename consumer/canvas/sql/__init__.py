"""What a backfill and a reconciliation read and write beside the events."""

from pathlib import Path

from consumer.store.statements import statements

sql = statements(Path(__file__).parent)
