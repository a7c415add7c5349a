"""Measurements, not tests: `python -m tests.bench`. Each compares within one run; nothing here passes or fails by a clock."""
