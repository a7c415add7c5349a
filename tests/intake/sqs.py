"""SQS for tests, with what a test wants to happen to requests: moto's server, or a real queue."""

import json
import os
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from io import BytesIO
from typing import Any
from uuid import uuid4

import boto3
import orjson
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.moto_server.werkzeug_app import create_backend_app
from moto.sqs import models
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import run_wsgi_app

from consumer.intake.queue import Queue, connected, name_of

REGION, ACCOUNT = "us-east-1", "123456789012"
_POLL_SECONDS = 0.02
_JSON = "application/x-amz-json-1.0"
Answer = tuple[int, str]
"""Status, and AWS' code of an error."""
THROTTLED: Answer = (400, "ThrottlingException")
Handled = tuple[str, Any, bytes]
"""Status, headers and content of an answer."""


def nothing(when: str, action: str) -> Answer | None:
    """Happens to requests as a rule."""
    return None


def refusal(answer: Answer) -> Handled:
    """As SQS refuses a request."""
    content = json.dumps({"__type": f"com.amazonaws.sqs#{answer[1]}", "message": "x"}).encode()
    return f"{answer[0]} x", [("content-type", _JSON)], content


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None: ...


class Service(ABC):
    """What asks for messages comes through here."""

    def __init__(self) -> None:
        self.happens: Callable[[str, str], Answer | None] = nothing
        """Called `before` and `after` each request, with its action; an answer stands in for the server's own."""
        self.url = ""
        self.deleted: list[Any] = []
        """Ids of events whose messages were deleted, in this order."""
        self._bodies: dict[str, str] = {}

    @property
    def variables(self) -> dict[str, str]:
        """With them, AWS' tools find the server."""
        return {
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "y",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """The WSGI application."""
        action = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = self.happens("before", action)
        if answer is None:
            status, headers, content = self._handled(action, environ, body)
            answer = self.happens("after", action)
        if answer is not None:
            status, headers, content = refusal(answer)
        start_response(
            status, [*(h for h in headers if h[0].lower() != "content-length"), ("content-length", str(len(content)))]
        )
        return [content]

    @abstractmethod
    def send(self, name: str, bodies: Sequence[bytes]) -> None:
        """As Canvas delivers."""

    @abstractmethod
    def left(self, name: str) -> int:
        """Messages that are not deleted."""

    @abstractmethod
    def expire(self, name: str) -> None:
        """The visibility of all messages in flight ends, now or soon."""

    @abstractmethod
    def _handled(self, action: str, environ: dict[str, Any], body: bytes) -> Handled:
        """The answer, unless something else happens."""

    def _note(self, action: str, asked: dict[str, Any], answer: dict[str, Any]) -> None:
        self._bodies |= {one["ReceiptHandle"]: one["Body"] for one in answer.get("Messages", ())}
        if action == "DeleteMessageBatch" and answer:
            done = {one["Id"] for one in answer["Successful"]}
            gone = [self._bodies.pop(one["ReceiptHandle"], None) for one in asked["Entries"] if one["Id"] in done]
            self.deleted += [orjson.loads(text)["body"]["id"] for text in gone if text is not None]  # None: asked again


class Sqs(Service):
    """Moto. It loses messages where two threads change a queue, so requests wait for each other here."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        """Requests that wait for messages, or are just given them."""
        self._lock, self._counting = threading.RLock(), threading.Lock()
        self._app = create_backend_app("sqs")
        self._backend = models.sqs_backends[ACCOUNT][REGION]
        self._backend.queues.clear()
        # Without the age of each message, for which moto counts all others; its clock and its receipts are half of its time.
        vars(self._backend)["is_message_valid_based_on_retention_period"] = lambda *_: True
        vars(models).update(unix_time_millis=lambda: time.time() * 1000, generate_receipt_handle=lambda: uuid4().hex)

    def queue(self, name: str) -> Any:
        """The queue as moto has it."""
        return self._backend.queues[name]

    def make(self, name: str, **attributes: Any) -> str:
        """A queue of this name; gives its URL."""
        with self._lock:
            self._backend.create_queue(name, region=REGION, **attributes)
        return f"{self.url}/{ACCOUNT}/{name}"

    def remove(self, name: str) -> None:
        """The queue goes away."""
        with self._lock:
            self._backend.queues.pop(name)

    def send(self, name: str, bodies: Sequence[bytes | str]) -> None:
        """As Canvas delivers."""
        with self._lock:
            for body in bodies:
                text = body if isinstance(body, str) else body.decode()
                self._backend.send_message(name, text)

    def expire(self, name: str) -> None:
        """The visibility of all messages in flight ends now."""
        with self._lock:
            for message in self.queue(name)._messages:
                message.visible_at = 0

    def left(self, name: str) -> int:
        """Messages that are not deleted."""
        return len(self.queue(name)._messages)

    def hidden(self, name: str) -> int:
        """Messages in flight."""
        with self._lock:
            return int(self.queue(name).approximate_number_of_messages_not_visible)

    def deliveries(self, name: str) -> list[int]:
        """How often each message that is left was handed out."""
        with self._lock:
            return [message.approximate_receive_count for message in self.queue(name)._messages]

    def _handled(self, action: str, environ: dict[str, Any], body: bytes) -> Handled:
        """Moto's answer. Waits for messages without keeping others waiting."""
        asked = json.loads(body or b"{}")
        seconds, client = int(asked.pop("WaitTimeSeconds", 0)), environ["werkzeug.socket"]
        body = json.dumps(asked).encode()
        if seconds == 0:
            return self._by_moto(action, environ, asked, body)
        with self._counting:
            self.waiting += 1
        try:
            self._wait(asked.get("QueueUrl", ""), seconds, client)
            with self._lock:
                if _is_gone(client):  # what it was given would stay hidden
                    return "200 OK", [], b"{}"
                return self._by_moto(action, environ, asked, body)
        finally:
            with self._counting:
                self.waiting -= 1

    def _by_moto(self, action: str, environ: dict[str, Any], asked: dict[str, Any], body: bytes) -> Handled:
        with self._lock:
            inner = environ | {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
            parts, status, headers = run_wsgi_app(self._app, inner)
            content = b"".join(parts)
            answer = json.loads(content) if status.startswith("200") and content else {}
            self._note(action, asked, answer)
        return status, list(headers), content

    def _wait(self, url: str, seconds: int, client: socket.socket) -> None:
        """Until a message is visible, or the client has gone."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not _is_gone(client):
            queue = self._backend.queues.get(name_of(url))
            if queue is None or any(message.visible for message in list(queue._messages)):
                return
            time.sleep(_POLL_SECONDS)


class Real(Service):
    """A real queue, by the credentials of this process. It is for these tests alone: it must be empty, and is so at the end."""

    def __init__(self, queue: str) -> None:
        """`queue`: its name, or its URL."""
        super().__init__()
        self._client = boto3.client("sqs", region_name=os.environ.get("AWS_REGION"), config=Config(max_pool_connections=50))
        self._queue = queue if "/" in queue else self._client.get_queue_url(QueueName=queue)["QueueUrl"]
        assert self.left(queue) == 0, f"{queue} is not empty: these tests need a queue of their own"

    def send(self, name: str, bodies: Sequence[bytes]) -> None:  # noqa: ARG002 - it has one queue
        """See `Service`."""
        entries = [{"Id": str(number), "MessageBody": body.decode()} for number, body in enumerate(bodies)]
        for first in range(0, len(entries), 10):
            answer = self._client.send_message_batch(QueueUrl=self._queue, Entries=entries[first : first + 10])
            assert not answer.get("Failed"), answer

    def left(self, name: str) -> int:  # noqa: ARG002 - it has one queue
        """Roughly."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._client.get_queue_attributes(QueueUrl=self._queue, AttributeNames=names)["Attributes"]
        return sum(int(found[one]) for one in names)

    def expire(self, name: str) -> None:
        """By itself."""

    def close(self) -> None:
        """Removes what is left: copies, and what is no event."""
        self._client.purge_queue(QueueUrl=self._queue)
        self._client.close()

    def _handled(self, action: str, environ: dict[str, Any], body: bytes) -> Handled:  # noqa: ARG002 - unlike moto
        asked = json.loads(body)
        if action == "GetQueueUrl":
            return "200 OK", [("content-type", _JSON)], json.dumps({"QueueUrl": f"{self.url}/{ACCOUNT}/queue"}).encode()
        try:
            answer = self._client._make_api_call(action, asked | {"QueueUrl": self._queue})
        except ClientError as error:
            return refusal((error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]))
        answer.pop("ResponseMetadata")
        self._note(action, asked, answer)
        return "200 OK", [("content-type", _JSON)], json.dumps(answer).encode()


def _is_gone(client: socket.socket) -> bool:
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@contextmanager
def serving() -> Iterator[Sqs]:
    """Moto's server while the block runs, without a queue."""
    with listening(sqs := Sqs()):
        yield sqs


@contextmanager
def listening(service: Service) -> Iterator[None]:
    """Answers while the block runs."""
    server = make_server("127.0.0.1", 0, service, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined] # it has threads
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@asynccontextmanager
async def queues(sqs: Sqs, *names: str) -> AsyncIterator[list[Queue]]:
    """As the intake has them, of this process."""
    before = dict(os.environ)
    os.environ.update(sqs.variables)
    try:
        async with connected(names, 40) as found:
            yield found
    finally:
        os.environ.clear()
        os.environ.update(before)
