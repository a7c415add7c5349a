"""An SQS queue, asked by aiobotocore (an extra). Credentials, region and endpoint are found as AWS' own tools find them."""

import gc
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, NamedTuple

from consumer.errors import Fatal, Transient, UsageError

try:
    from aiobotocore.config import AioConfig
    from aiobotocore.session import AioSession, get_session
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
    from botocore.loaders import Loader
except ImportError as error:
    raise UsageError("SQS needs the extra `sqs` (pip install 'outcomes-consumer[sqs]')") from error

MOST_MESSAGES = 10
"""In one request, by SQS' own limit."""
WAIT_SECONDS = 20
"""How long SQS waits for a message before it answers that there is none; its own limit."""
_REQUEST_SECONDS = 10
_LEAST_RETENTION_SECONDS = 3_600
_NOT_THERE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
_NOT_ALLOWED = {"AccessDenied", "AccessDeniedException"}
_UNKNOWN_CALLER = {"ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"}


class Message(NamedTuple):
    """One message, hidden from others for now."""

    receipt: str
    """Names this delivery."""
    body: bytes
    deliveries: int
    """How often SQS has handed it out, roughly."""

    def __repr__(self) -> str:
        """Without its content, which may be personal."""
        return f"Message({len(self.body)} bytes)"


class Queue:
    """One queue. Methods raise `Transient`; messages that a request did not reach come again."""

    def __init__(self, client: Any, queue: str) -> None:
        """`queue`: its name, or its URL."""
        self._client = client
        self.name = name_of(queue)
        self._url = queue if queue != self.name else ""

    async def check(self) -> list[str]:
        """Finds the queue; a sentence for each thing about it that loses events. Raises also `UsageError` and `Fatal`."""
        with _translating(self.name, at_start=True):
            if not self._url:
                self._url = (await self._client.get_queue_url(QueueName=self.name))["QueueUrl"]
            try:
                answer = await self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["All"])
            except ClientError as error:
                if _code(error) not in _NOT_ALLOWED:
                    raise
                return [f"the attributes of {self.name} cannot be read: allow sqs:GetQueueAttributes to have them checked"]
        return risks(self.name, answer["Attributes"])

    async def dead_letters(self) -> int | None:
        """How many its dead-letter queue holds, roughly; None where that may not be known. After `check`."""
        try:
            with _translating(self.name, at_start=True):
                own = await self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["RedrivePolicy"])
                policy = json.loads(own.get("Attributes", {}).get("RedrivePolicy", "{}"))
                *_, account, name = policy.get("deadLetterTargetArn", "::").split(":")
                url = (await self._client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account))["QueueUrl"]
                found = await self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        except (Fatal, UsageError):
            return None
        return int(found["Attributes"]["ApproximateNumberOfMessages"])

    async def receive(self, most: int, hidden_seconds: int) -> list[Message]:
        """Up to `most` messages, hidden from others so long; none if there is none for `WAIT_SECONDS`."""
        with _translating(self.name):
            answer = await self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=WAIT_SECONDS,
                VisibilityTimeout=hidden_seconds,
                AttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Message(
                found["ReceiptHandle"],
                found["Body"].encode(errors="surrogatepass"),  # half a character is refused as what it is
                int(found.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
            )
            for found in answer.get("Messages", ())
        ]

    async def delete(self, messages: Sequence[Message]) -> None:
        """For good. One that SQS does not delete comes again."""
        with _translating(self.name):
            await self._client.delete_message_batch(QueueUrl=self._url, Entries=_entries(messages))

    async def hide(self, messages: Sequence[Message], seconds: int) -> None:
        """From others, so long from now on; 0 lets them have it."""
        entries = [{**entry, "VisibilityTimeout": seconds} for entry in _entries(messages)]
        with _translating(self.name):
            await self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)


class _Loader(Loader):  # type: ignore[misc] # it has no types
    """Forgets the list of all services in all regions, 7 MB: the rules of each service say where its requests go."""

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        data, path = super().load_data_with_path(name)
        if name == "endpoints":
            for partition in data["partitions"]:
                partition["services"] = {}
            gc.collect()
        return data, path


def session() -> AioSession:
    """AWS' own, with less in memory."""
    found = get_session()
    found.register_component("data_loader", _Loader())
    return found


@asynccontextmanager
async def connected(queues: Sequence[str], connections: int) -> AsyncIterator[list[Queue]]:
    """The queues of these names or URLs, by one client. Raises `UsageError`."""
    config = AioConfig(
        connect_timeout=_REQUEST_SECONDS,
        read_timeout=WAIT_SECONDS + _REQUEST_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=connections,
    )
    region = os.environ.get("AWS_REGION") or None  # Python's SDK alone reads only AWS_DEFAULT_REGION and the profile
    async with AsyncExitStack() as stack:
        try:
            client = await stack.enter_async_context(session().create_client("sqs", region_name=region, config=config))
        except NoRegionError as error:
            raise UsageError("no AWS region is set: set AWS_REGION, or the region of the profile") from error
        except (BotoCoreError, ValueError) as error:  # an unknown profile, an address that is none
            raise UsageError(f"AWS' settings cannot be used: {error}") from error
        yield [Queue(client, queue) for queue in queues]


def name_of(queue: str) -> str:
    """The name of a queue, of which this is the name or the URL."""
    return queue.rstrip("/").rpartition("/")[2]


def risks(name: str, attributes: Mapping[str, str]) -> list[str]:
    """What of a queue's attributes, as SQS gives them, loses events or blocks them: a sentence each."""
    found = []
    redrive = json.loads(attributes.get("RedrivePolicy") or "{}")
    if not redrive.get("deadLetterTargetArn"):
        found.append(
            f"{name} has no redrive policy: what is no event comes again until it expires; give it a dead-letter queue"
        )
    if attributes.get("FifoQueue") == "true" or name.endswith(".fifo"):
        found.append(f"{name} is a FIFO queue, to which Canvas does not deliver: make a standard queue")
    if (seconds := int(attributes.get("MessageRetentionPeriod", _LEAST_RETENTION_SECONDS + 1))) <= _LEAST_RETENTION_SECONDS:
        found.append(f"messages of {name} expire after {seconds} s, and are lost if the intake is away longer: set 14 days")
    return found


def _entries(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [{"Id": str(number), "ReceiptHandle": message.receipt} for number, message in enumerate(messages)]


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "no reason"))


@contextmanager
def _translating(name: str, *, at_start: bool = False) -> Iterator[None]:
    """Errors of AWS become ours. `at_start`: what waiting does not mend ends the process."""
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if at_start and code in _NOT_THERE:
            raise UsageError(f"there is no queue {name} for these credentials in this region") from error
        if at_start and code in _NOT_ALLOWED | _UNKNOWN_CALLER:
            raise Fatal(f"AWS refuses these credentials for {name} ({code})") from error
        raise Transient(f"SQS refuses a request about {name} ({code})") from error
    except NoCredentialsError as error:
        sentence = "no AWS credentials are found: set them as for AWS' command line, or give the machine a role"
        raise (Fatal if at_start else Transient)(sentence) from error
    except (BotoCoreError, OSError) as error:
        raise Transient(f"SQS does not answer about {name}: {type(error).__name__}") from error
