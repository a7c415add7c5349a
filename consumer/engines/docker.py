"""Containers, where a Docker daemon can give them."""

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
    """Asks the daemon; no daemon is an answer within two seconds."""
    try:
        client = docker.from_env(timeout=2, version=DEFAULT_DOCKER_API_VERSION)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except APIError:
        return True  # it speaks, if only another version
    except (DockerException, RequestException):
        return False
    finally:
        client.close()
        _close_forgotten_sockets()


def entered(stack: ExitStack, container: Callable[[], AbstractContextManager[T]]) -> T | None:
    """A container's engine, ended by the stack. None where no daemon answers, or where the daemon gives none: then it says why.

    A daemon without a registry, the right or the space for an image fails in many ways, and some are other libraries' errors.
    """
    if not answers():
        return None
    try:
        return stack.enter_context(container())
    except Exception as error:
        said = getattr(error, "explanation", None) or str(error) or type(error).__name__
        why = " ".join(str(said).split())[:200]
        sys.stderr.write(f"outcomes: Docker answers but gives no container, so we do without: {why}\n")
        return None
    finally:
        _close_forgotten_sockets()


@contextmanager
def running(container: "DockerContainer") -> Iterator[None]:
    """Runs it, and removes it afterwards, also where this process is killed: by our reaper, which needs no further image."""
    from testcontainers.core.config import testcontainers_config  # noqa: PLC0415 - comes with the extra `embedded`

    testcontainers_config.ryuk_disabled = True
    name = f"outcomes-{uuid.uuid4().hex[:12]}"
    reaper.expect("container", name)
    with container.with_name(name):
        yield
    reaper.forget("container", name)


def remove(name: str, seconds: float) -> None:
    """Removes a container that its process could not remove any more. It may be about to appear."""
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
            pass  # it starts, or is removed, in this moment
        time.sleep(0.2)


def _close_forgotten_sockets() -> None:
    """The client forgets the socket of a connection that failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
