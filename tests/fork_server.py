"""Starts `python -m MODULE ARGUMENTS` at once: a process that has imported everything already, and forks.

A command's start takes half a second and more of processor time for its imports alone; the tests start hundreds, and a long
run of chaos kills a thousand workers. Each child is a process of its own that runs the real module as `__main__`, with its own
arguments, environment, folder and standard streams; only the imports are warm, and of those what looks at the environment is
made anew. A request is a message of JSON over the socket that is named by the only argument, with four file descriptors: the
child's stdin, stdout and stderr, and where its process id and then its exit code are told, a line each.
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
from contextlib import suppress
from typing import Any, NoReturn

import consumer.commands.main
import consumer.store.migrating
import consumer.worker.probes  # noqa: F401 - what children would import

MESSAGE = 2**18
"""Bytes, at most."""

for _name in [name for name in sys.modules if name.startswith("consumer.commands")]:
    del sys.modules[_name]  # the consoles are as wide as the environment said when they were made


def _become(request: dict[str, Any], streams: list[int]) -> NoReturn:
    """In the child: runs the module to its end."""
    code: object = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for target, source in enumerate(streams):
            os.dup2(source, target)
            os.close(source)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        sys.argv = [request["module"], *request["arguments"]]
        sys.orig_argv = [sys.executable, "-m", *sys.argv]
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


def _tell(listener: int, number: int) -> None:
    with suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(listener, b"%d\n" % number)


def _reap(listeners: dict[int, int]) -> None:
    while listeners:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        listener = listeners.pop(pid)
        _tell(listener, os.waitstatus_to_exitcode(status))
        os.close(listener)


def main() -> None:
    """Serves until the other end of the socket is closed."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    waking, woken = socket.socketpair()
    waking.setblocking(False)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    gc.freeze()
    listeners: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([requests, woken], [], [])
        if woken in ready:
            woken.recv(MESSAGE)
            _reap(listeners)
        if requests not in ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(requests, MESSAGE, 4)
        if not message:
            return
        *streams, listener = descriptors
        pid = os.fork()
        if pid == 0:
            for other in (requests, waking, woken):
                other.close()
            for descriptor in (listener, *listeners.values()):
                os.close(descriptor)
            _become(json.loads(message), streams)
        listeners[pid] = listener
        for stream in streams:
            os.close(stream)
        _tell(listener, pid)


if __name__ == "__main__":
    main()
