"""Observations against the projection, a file for each kind."""
