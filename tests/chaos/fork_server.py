"""Starts `python -m MODULE ARGUMENTS` at once: a process that has imported everything already, and forks.

A worker's start takes more than a second of processor time for its imports alone, and a long run kills a thousand workers. Each
child is a process of its own that runs the real module as `__main__`, with its own arguments, environment and log; only the
imports are warm. Requests come as lines of JSON; answers are lines of JSON: what was started, and what has ended and how.
"""

import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from typing import Any, NoReturn

import consumer.cli  # noqa: F401 - what children would import
from consumer.engines.kafka import _die_with_parent

_LINE = 65536


def _answer(**facts: int) -> None:
    os.write(1, json.dumps(facts).encode() + b"\n")


def _become(request: dict[str, Any]) -> NoReturn:
    """In the child: runs the module to its end."""
    code: object = 1
    try:
        _die_with_parent()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = [request["module"], *request["arguments"]]
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _answer(ended=pid, code=os.waitstatus_to_exitcode(status))


def main() -> None:
    """Serves until its stdin ends."""
    waking, woken = socket.socketpair()
    waking.setblocking(False)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    gc.freeze()
    _answer(ready=os.getpid())
    left = b""
    while True:
        ready, _, _ = select.select([0, woken.fileno()], [], [])
        if woken.fileno() in ready:
            woken.recv(_LINE)
            _reap()
        if 0 not in ready:
            continue
        data = os.read(0, _LINE)
        if not data:
            return
        *lines, left = (left + data).split(b"\n")
        for line in lines:
            pid = os.fork()
            if pid == 0:
                _become(json.loads(line))
            _answer(started=pid)


if __name__ == "__main__":
    main()
