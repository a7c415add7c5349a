"""The first seconds of a command: signals before it is loaded, what a worker says of itself, and its probes' port."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil
import pytest

from consumer.engines import kafka as kafka_engine
from tests.acceptance.running import environment, outcomes, running, send, started, until
from tests.acceptance.test_worker import _at_least, settings
from tests.forking import ROOT
from tests.samples import result

NewTopic = Callable[..., Awaitable[str]]

UNSHARE = ("unshare", "--pid", "--fork", "--kill-child")
"""Process 1 of its own namespace, as in a container."""


def as_process_1() -> tuple[str, ...]:
    """What runs a command so; skips where the machine does not allow it."""
    for words in (UNSHARE, (*UNSHARE, "--user", "--map-root-user")):
        with suppress(OSError):
            if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
                return words
    pytest.skip("no process 1 of its own: unshare is missing or not allowed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_process_1_of_a_container_can_be_stopped_while_it_loads(tmp_path: Path, number: signal.Signals) -> None:
    """The kernel keeps signals without a handler from it; else it would be killed only after the whole time of grace."""
    (tmp_path / "typer.py").write_text("import sys, time\nprint('loading', file=sys.stderr, flush=True)\ntime.sleep(60)\n")
    process = await asyncio.create_subprocess_exec(
        *as_process_1(),
        *(sys.executable, "-m", "consumer", "worker"),
        stderr=asyncio.subprocess.PIPE,
        env=environment(PYTHONPATH=f"{tmp_path}:{ROOT}"),
        cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # else commands ignore it too
    )
    try:
        assert process.stderr is not None
        assert await process.stderr.readline() == b"loading\n"
        (first,) = psutil.Process(process.pid).children()
        first.send_signal(number)

        async def ended() -> bool:
            return process.returncode is not None

        await until(ended, 10)
        assert process.returncode == 128 + number
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_command_that_is_stopped_while_it_loads_ends_by_the_signal(tmp_path: Path) -> None:
    """Without a traceback."""
    (tmp_path / "typer.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(60)\n")
    async with started(["status"], {"PYTHONPATH": f"{tmp_path}:{ROOT}"}, cwd=tmp_path, cold=True) as command:
        assert await command.end(None) == (-signal.SIGTERM, "", "")


async def test_a_worker_says_what_it_works_on(database: str, kafka_bootstrap: str, topic: NewTopic) -> None:
    """In its first line: topics, group, brokers, database, version; neither user nor password."""
    name = await topic()
    secret = database.replace("://", "://somebody:s3cret@", 1) if "@" not in database else database
    async with running("worker", **settings(secret, kafka_bootstrap, name)) as worker:
        line = json.loads(await worker.err_line())
    assert line["event"] == "started"
    assert (line["topics"], line["group"], line["brokers"]) == ([name], name, kafka_bootstrap)
    assert database.partition("?")[0].rpartition("/")[2] in line["database"]
    assert line["version"]
    assert line["probes"] is None
    assert "s3cret" not in str(line)
    assert "@" not in line["database"]


async def test_a_second_worker_on_one_machine_takes_another_port_for_its_probes_and_says_so(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """Where none was set; one that was set and is taken is an error."""
    name = await topic()
    variables = settings(database, kafka_bootstrap, name) | {"OUTCOMES_HTTP_HOST": "127.0.0.1"}
    del variables["OUTCOMES_HTTP_PORT"]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # somebody else has it already
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        async with running("worker", **variables) as worker, aiohttp.ClientSession() as session:
            said = json.loads(await worker.says("probes_elsewhere"))
            line = json.loads(await worker.says('"started"'))
            assert said["port"] != 8080
            assert line["probes"] == f"127.0.0.1:{said['port']}"
            async with session.get(f"http://{line['probes']}/livez") as response:
                assert response.status == 200
            await worker.says("positions_read")
            code, _, err = await worker.end()
            assert code == 0, err
        code, _, err = await outcomes("worker", **variables, OUTCOMES_HTTP_PORT="8080")
        assert code == 2
        assert "port 8080 of 127.0.0.1 cannot be opened (Address already in use); set" in err.splitlines()[-1]
        assert "--http-port" in err.splitlines()[-1]


async def test_a_worker_that_waits_for_a_topic_names_those_that_it_may_have_meant(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """A slip of the pen is seen at once."""
    name = await topic()
    async with running("worker", **settings(database, kafka_bootstrap, f"{name}x".upper())) as worker:
        line = json.loads(await worker.says("topics_missing"))
        await worker.end()
    assert name in line["near"][f"{name}x".upper()]


async def test_the_broker_for_a_laptop_explains_itself() -> None:
    """And takes no option for a folder."""
    async with started(["--help"], {}, module=("consumer.engines.kafka",), cold=True) as command:
        code, out, _ = await command.end(None)
    assert code == 0
    assert "FOLDER" in out
    async with started(["--port"], {}, module=("consumer.engines.kafka",), cold=True) as command:
        assert (await command.end(None))[0] == 2


async def test_the_broker_for_a_laptop_ends_with_its_kafka(tmp_path: Path) -> None:
    """A command that went on without it would look as if there were one."""
    if not kafka_engine.can_run_locally():
        pytest.skip("a broker of one's own needs Java and Maven")
    variables = {"DOCKER_HOST": "tcp://127.0.0.1:1"}  # nobody answers there, so that it is a process
    log = tmp_path / "kafka" / "kafka.log"
    async with started([str(log.parent)], variables, module=("consumer.engines.kafka",), cold=True) as command:

        async def serves() -> bool:
            return log.exists() and "Kafka Server started" in log.read_text()

        await until(serves, 100)
        (java,) = (child for child in psutil.Process(command.pid).children() if child.name() == "java")
        java.kill()
        code, _, err = await command.end(None, 15)
    assert code == 2
    assert err.startswith("outcomes: Apache Kafka")
    assert "has ended unexpectedly" in err
    assert len(err.splitlines()) == 1


async def test_records_of_every_codec_are_read(database: str, kafka_bootstrap: str, topic: NewTopic) -> None:
    """Whatever the bridge packs them with."""
    from confluent_kafka import Producer

    name = await topic()
    for number, codec in enumerate(("none", "gzip", "snappy", "lz4", "zstd"), 1):
        producer = Producer({"bootstrap.servers": kafka_bootstrap, "compression.type": codec})
        for more in range(20):  # else a codec that gains nothing is not used
            producer.produce(name, json.dumps(result(number * 100 + more)).encode())
        producer.flush(30)
    await send(kafka_bootstrap, name, [result(1)])
    async with running("worker", **settings(database, kafka_bootstrap, name)) as worker:
        await until(lambda: _at_least(database, 101))
        code, _, err = await worker.end()
    assert code == 0, err
