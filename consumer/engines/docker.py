"""Whether there is a Docker daemon to start containers with."""

import gc
import warnings

import docker
from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()  # the client forgets the socket of a connection that failed
