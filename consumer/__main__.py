"""The command `outcomes`, also as `python -m consumer`."""

import signal


def main() -> None:
    """Loads the commands and runs the one that is asked for; Ctrl-C while they load ends the process by the signal."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else somebody lets it be ignored
    if ours:
        # No KeyboardInterrupt, of which pydantic makes an error of its own: that would be a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from consumer.cli import main as run  # noqa: PLC0415 - the second that this takes is a time for Ctrl-C too

    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
