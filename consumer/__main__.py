"""The command `outcomes`, also as `python -m consumer`."""

import io
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from _typeshed import ReadableBuffer


def main() -> None:
    """Loads the commands and runs the one that is asked for; a signal while they load ends the process by the signal."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else somebody lets it be ignored
    signal.signal(signal.SIGTERM, _end_at_once)
    if ours:
        # No KeyboardInterrupt, of which pydantic makes an error of its own: that would be a traceback.
        signal.signal(signal.SIGINT, _end_at_once)
    _open_what_is_closed()
    _answer_in_any_encoding()
    from consumer.commands.main import main as run  # noqa: PLC0415 - the second that this takes is a time for signals too

    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _end_at_once(number: int, _: "FrameType | None") -> None:
    """Ends by the signal; process 1 of a container, which no signal ends by itself, with the exit code that says so."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)


def _open_what_is_closed() -> None:
    """A closed standard stream becomes /dev/null: else Python has none, and the first socket takes its number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)  # psql has it too
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for the process' life


class _Answer(io.FileIO):
    """Standard output: what cannot be written is said in a sentence (`UsageError`), and the rest goes nowhere."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Raises `BrokenPipeError` as it is: whoever reads has seen enough, and typer and rich end the command."""
        try:
            return super().write(data)
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)  # else what is left fails once more when Python ends
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if isinstance(error, BrokenPipeError):
                raise
            from consumer.errors import UsageError  # noqa: PLC0415 - nothing is imported before signals have handlers

            raise UsageError(f"stdout: {error.strerror}") from error


def _answer_in_any_encoding() -> None:
    r"""What a terminal or pipe that is not UTF-8 has no character for is written as its escape (`\xb7`); stderr does so."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # else somebody else's
        answer = io.BufferedWriter(_Answer(sys.stdout.fileno(), "w", closefd=False))
        encoding, by_line = sys.stdout.encoding, sys.stdout.line_buffering
        sys.stdout = io.TextIOWrapper(answer, encoding, "backslashreplace", line_buffering=by_line)


if __name__ == "__main__":
    main()
