"""Bytes -> verdicts -> batches. Pure."""
