"""An `outcomes` for the shells of tests, whose imports are warm: `warm_command.py ARGUMENTS…` starts it by `tests.fork_server`.

The shell has the socket of that server open under the number in `FORK_SERVER` (`tests.forking.warm_outcomes`). Nothing is
imported here but what hands over the arguments, environment, folder and standard streams, and later the exit code.
"""

import json
import os
import signal
import socket
import sys

request = {"module": "consumer", "arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}
reading, telling = os.pipe()
with socket.socket(fileno=int(os.environ["FORK_SERVER"])) as server:
    socket.send_fds(server, [json.dumps(request).encode()], [0, 1, 2, telling])
os.close(telling)
with open(reading, encoding="ascii") as status:
    process = int(status.readline())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(process, number))
    code = int(status.readline())
sys.exit(code if code >= 0 else 128 - code)
