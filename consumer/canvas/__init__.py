"""Reads from Canvas' REST API what the feed did not deliver, and compares it with the projection."""
