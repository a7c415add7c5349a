"""The command `outcomes`, also as `python -m consumer`."""

import sys

INTERRUPTED = 130
"""What a shell has for a program that Ctrl-C ended."""


def main() -> None:
    """Loads the commands and runs the one that is asked for; Ctrl-C while they load needs no traceback."""
    try:
        from consumer.cli import main as run  # noqa: PLC0415 - the second that this takes is a time for Ctrl-C too
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
