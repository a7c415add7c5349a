"""Containers, if a Docker daemon can run them."""

import gc
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

import docker
from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from consumer.engines import reaper

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

T = TypeVar("T")


def answers() -> bool:
    """Whether a daemon answers within two seconds."""
    try:
        client = docker.from_env(timeout=2, version=DEFAULT_DOCKER_API_VERSION)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except APIError:
        return True  # a daemon of another version
    except (DockerException, RequestException):
        return False
    finally:
        client.close()
        _close_leaked_sockets()


def entered(stack: ExitStack, container: Callable[[], AbstractContextManager[T]]) -> T | None:
    """The engine in a container, which the stack ends. None if no daemon answers, or if it fails; then stderr says why.

    A daemon can fail in many ways (registry, rights, disk space), also with errors of other libraries.
    """
    if not answers():
        return None
    try:
        return stack.enter_context(container())
    except Exception as error:
        message = getattr(error, "explanation", None) or str(error) or type(error).__name__
        why = " ".join(str(message).split())[:200]
        sys.stderr.write(f"outcomes: Docker cannot start a container, so we go on without: {why}\n")
        return None
    finally:
        _close_leaked_sockets()


@contextmanager
def running(container: "DockerContainer") -> Iterator[None]:
    """Removes the container afterwards. If this process is killed, our reaper does, without an image of its own."""
    from testcontainers.core.config import testcontainers_config  # noqa: PLC0415 - comes with the extra `embedded`

    testcontainers_config.ryuk_disabled = True
    name = f"outcomes-{uuid.uuid4().hex[:12]}"
    reaper.expect("container", name)
    with container.with_name(name):
        yield
    reaper.forget("container", name)


def remove(name: str, seconds: float) -> None:
    """Removes the container of a killed process. It may not have been created yet."""
    begun = time.monotonic()
    client = docker.from_env()
    while (waited := time.monotonic() - begun) < seconds:
        try:
            client.containers.get(name).remove(force=True, v=True)
            return
        except NotFound:
            if waited > seconds / 5:
                return
        except (DockerException, RequestException):
            pass  # it is just being started or removed
        time.sleep(0.2)


def _close_leaked_sockets() -> None:
    """The client leaks the socket of a failed connection."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
