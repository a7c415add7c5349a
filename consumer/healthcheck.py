"""`python -m consumer.healthcheck livez|readyz`: a container's health check; prints what the probe says.

It asks the command that the container runs, `worker`, `intake` or `serve`; any other command is healthy while it runs. It runs
every few seconds, so it imports nothing of ours.
"""

import http.client
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

SECONDS = 1.5
"""A probe that takes longer does not answer."""

_PROGRAMS = {"outcomes", "consumer"}
"""As a command line names us."""

_SETTINGS = {
    "worker": ("OUTCOMES_HTTP_HOST", "OUTCOMES_HTTP_PORT", "--http-port", "8080"),
    "intake": ("OUTCOMES_HTTP_HOST", "OUTCOMES_HTTP_PORT", "--http-port", "8080"),
    "serve": ("OUTCOMES_SERVE_HOST", "OUTCOMES_SERVE_PORT", "--port", "8000"),
}
"""Of each command: the settings of its address and port, the option of its port, and its port."""


def address(words: Sequence[str], environment: Mapping[str, str]) -> tuple[str, int] | None:
    """Where the command with this command line answers; None where it has no probes."""
    command = next((word for before, word in pairwise(words) if Path(before).name in _PROGRAMS), "")
    if command not in _SETTINGS:
        return None
    host, port, option, usual = _SETTINGS[command]
    said = [word.removeprefix(f"{option}=") for word in words if word.startswith(f"{option}=")]
    said += [word for before, word in pairwise(words) if before == option]
    number = next((text for text in (*said, environment.get(port, "")) if text.isdigit()), usual)
    return (environment.get(host) or "127.0.0.1", int(number)) if int(number) else None


def ask(host: str, port: int, probe: str) -> tuple[bool, str]:
    """Whether the probe says yes, and its words."""
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", f"/{probe}")
        answer = connection.getresponse()
        return answer.status == http.client.OK, answer.read(4096).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return False, f"port {port} does not answer: {error or type(error).__name__}"
    finally:
        connection.close()


def main() -> None:
    """Ends with 1 where the probe says no, or nothing."""
    words = Path("/proc/1/cmdline").read_bytes().decode(errors="replace").split("\0")
    where = address(words, os.environ)
    if where is None:
        return
    right, said = ask(*where, sys.argv[1])
    sys.stdout.write(f"{said}\n")
    sys.exit(not right)


if __name__ == "__main__":
    main()
