"""Checks a set-up from the outside in: the way of an event from Canvas to its row, each step with what to do about it."""
