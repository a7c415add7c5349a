"""The long-running loop: topic to transactions."""
