"""Kafka, by aiokafka, whose types end here."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from difflib import get_close_matches
from typing import Any, Protocol, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    InvalidSessionTimeoutError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedCodecError,
    UnsupportedSaslMechanismError,
    UnsupportedVersionError,
)
from aiokafka.helpers import create_ssl_context
from aiokafka.protocol.metadata import MetadataRequest

from consumer.errors import Fatal, OutcomesError, Transient, UsageError
from consumer.ingest.batch import Partition
from consumer.ingest.records import RawRecord
from consumer.settings import Settings
from consumer.sources.membership import Membership

T = TypeVar("T")

REQUEST_SECONDS = 10.0
"""Longest wait for one answer of a broker."""

UNCONFIRMED = 10_000
"""Messages that `produce` has sent and not heard of, at most."""

REARRANGING_SECONDS = 1.0
"""How long one fetch waits for the group to hand out partitions."""

_NEVER_MS = 2**31 - 1
_FATAL = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
_OTHER_VERSION = (IncompatibleBrokerVersion, NotImplementedError, UnsupportedVersionError)
"""What aiokafka raises where it and a broker have no version of a request in common."""

NEAR_NAMES = 3
"""Names of topics that are shown for one that is missing, at most."""
COMPARED_NAMES = 2_000
"""Names of topics that a missing one is compared with, at most."""

_ending: set[asyncio.Future[None]] = set()
"""Clients on their way out."""


def _ended(ending: asyncio.Future[None]) -> None:
    _ending.discard(ending)
    if not ending.cancelled():
        ending.exception()  # whoever waited for it has heard; nobody else has to


class OffsetOutOfRange(OutcomesError):
    """Kafka no longer has (or not yet again) what comes next in some partition."""


class Assignment(Protocol):
    """Who is told when the group hands partitions out and takes them away."""

    async def revoked(self, partitions: set[Partition]) -> None:
        """These are about to belong to somebody else; returns when nothing more will be written for them."""

    def assigned(self, partitions: set[Partition]) -> None:
        """These are ours now; they stay still until `KafkaSource.seek` says where they begin."""


def translated(error: BaseException) -> OutcomesError | None:
    """The error of ours that tells the loop what to do."""
    if isinstance(error, OutcomesError):
        return error
    if isinstance(error, (TopicAuthorizationFailedError, GroupAuthorizationFailedError)) and error.args:
        return _forbidden("topic" if isinstance(error, TopicAuthorizationFailedError) else "consumer group", error.args[0])
    if isinstance(error, _FATAL):
        return Fatal(f"Kafka refuses us ({type(error).__name__}): check user, password and permissions")
    if isinstance(error, UnsupportedCodecError):
        return Fatal(f"a topic holds records that cannot be unpacked here: {error.args[0] if error.args else error}")
    if isinstance(error, _OTHER_VERSION):
        return Fatal(f"these brokers are too old or too new for this worker: {error}")
    if error.__cause__ is not None and isinstance(meaning := translated(error.__cause__), Fatal):
        return meaning  # aiokafka's tasks wrap what ends them
    if isinstance(error, InvalidSessionTimeoutError):
        return Fatal(
            "the brokers do not take this OUTCOMES_KAFKA_SESSION_TIMEOUT_SECONDS: set it between their "
            "group.min.session.timeout.ms and group.max.session.timeout.ms"
        )
    if isinstance(error, MessageSizeTooLargeError):
        return Fatal("a message is larger than its topic's max.message.bytes (MessageSizeTooLargeError)")
    if isinstance(error, OffsetOutOfRangeError):
        return OffsetOutOfRange("an offset is out of range")
    if isinstance(error, KafkaError):
        return Transient(f"Kafka: {error}")
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return Transient("Kafka does not answer in time")
    if isinstance(error, OSError):
        return Transient(f"connection to Kafka: {error.strerror or error or type(error).__name__}")
    return None


def _forbidden(what: str, names: object) -> Fatal:
    shown = ", ".join(sorted(map(str, names))) if isinstance(names, (set, frozenset, list, tuple)) else str(names)
    return Fatal(f"Kafka refuses us the {what} {shown}: give this worker's user the permission to READ and DESCRIBE it")


@asynccontextmanager
async def _translating(bootstrap: str | None = None) -> AsyncIterator[None]:
    """`bootstrap`: the addresses that are being connected to."""
    try:
        yield
    except Exception as error:
        if bootstrap is not None and isinstance(error, (KafkaConnectionError, TimeoutError, asyncio.TimeoutError)):
            why = f" ({reason})" if (reason := _why_not(error)) else ""
            raise Transient(f"no Kafka at {bootstrap}{why}") from error
        meaning = translated(error)
        if meaning is None or meaning is error:
            raise
        raise meaning from error


def _why_not(error: BaseException) -> str | None:
    """What TLS minds, where it is that: anything else looks like a broker that is away."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) if isinstance(error, ssl.SSLError) else None


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Turns aiokafka's callbacks into ours."""

    def __init__(self, source: "KafkaSource", assignment: Assignment) -> None:
        self._source = source
        self._assignment = assignment

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        partitions = {Partition(tp.topic, tp.partition) for tp in revoked}
        if partitions and not self._source.stopped:
            await self._assignment.revoked(partitions)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        if self._source.stopped:
            return
        partitions = {Partition(tp.topic, tp.partition) for tp in assigned}
        self._source.hold(partitions)
        self._assignment.assigned(partitions)


class KafkaSource:
    """A member of the consumer group. Reads what it is told to, from where it is told; commits only for others to see.

    Methods raise `Transient` (broker away), `Fatal` (refused), and `fetch` also `OffsetOutOfRange`. `member_id`: that of an
    earlier source which could not leave; under it the group need not wait for the earlier one's session to end.
    """

    def __init__(self, settings: Settings, assignment: Assignment, member_id: str = "") -> None:
        self._settings = settings
        self._consumer = AIOKafkaConsumer(
            **client_options(settings),
            group_id=settings.group_id,
            group_instance_id=settings.group_instance_id,
            enable_auto_commit=False,
            # Never a silent restart: an offset that Kafka does not have is an error that the worker decides on.
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=settings.kafka_fetch_bytes,
            fetch_max_wait_ms=100,
            session_timeout_ms=int(settings.kafka_session_timeout_seconds * 1000),
            heartbeat_interval_ms=max(100, int(settings.kafka_session_timeout_seconds * 1000 / 15)),
            # A database that is away must not cost the membership; a dead process is found by its heartbeats.
            max_poll_interval_ms=_NEVER_MS,
            rebalance_timeout_ms=60_000,
            metadata_max_age_ms=10_000,
        )
        self._membership = Membership(self._consumer._client, settings.group_id, settings.group_instance_id or None, member_id)
        self._listener = _Listener(self, assignment)
        self._committing = asyncio.Lock()
        self.stopped = False
        """Whether it has been told to leave: what the group still says to it no longer counts."""

    @property
    def member_id(self) -> str:
        """What the group knows us by; empty where it does not, or not any more."""
        return self._membership.member_id

    async def start(self) -> None:
        """Connects."""
        begun = time.monotonic()
        async with _translating(self._settings.kafka_bootstrap_servers):
            try:
                await self._consumer.start()
            except KafkaConnectionError:
                if time.monotonic() - begun < REQUEST_SECONDS:  # else a broker hangs, and refuses nothing
                    await _raise_refusal(self._settings)
                raise
        self._consumer._coordinator.member_id = self.member_id

    def join(self) -> None:
        """Joins the group. Where brokers create topics by themselves, this may be what makes them create ours."""
        self._consumer.subscribe(list(self._settings.topic), listener=self._listener)

    async def stop(self) -> None:
        """Leaves the group. Bounded in time, because a broker that hangs may not answer; the client then ends by itself."""
        self.stopped = True
        ending = asyncio.ensure_future(self._end())
        _ending.add(ending)
        ending.add_done_callback(_ended)
        async with _translating():
            await asyncio.wait_for(asyncio.shield(ending), REQUEST_SECONDS)

    async def _end(self) -> None:
        """Whatever aiokafka meets while it stops, no task and no connection of it is left."""
        try:
            with suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(REQUEST_SECONDS):
                    await self._membership.leave()
            if self._consumer._coordinator is not None:
                self._consumer._coordinator.reset_generation()  # it would leave once more
            await self._consumer.stop()
        except asyncio.CancelledError:
            # aiokafka's fetcher cancels its requests and waits for them; one that pauses after a failure throws that at us.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
        finally:
            async with self._committing:  # a commit under way would open a connection anew
                await self._consumer._client.close()  # stop() does not come to this where a step before it fails

    async def missing_topics(self) -> dict[str, list[str]]:
        """Topics that are asked for and do not exist, each with near names that do."""
        async with _translating():
            known: set[str] = await asyncio.wait_for(self._consumer.topics(), REQUEST_SECONDS)
        return {topic: near(topic, known) for topic in sorted(set(self._settings.topic) - known)}

    async def answers(self, seconds: float) -> bool:
        """Whether any broker does."""
        try:
            return bool(await asyncio.wait_for(self._consumer._client.force_metadata_update(), seconds))
        except TimeoutError:
            return False

    def partitions(self, topic: str) -> set[Partition]:
        """All that the topic has, as far as this client knows."""
        return {Partition(topic, number) for number in self._consumer.partitions_for_topic(topic) or ()}

    def unknown_topics(self) -> list[str]:
        """Topics that are asked for and of which this client has not heard."""
        return [topic for topic in self._settings.topic if not self.partitions(topic)]

    async def fetch(self, max_records: int, wait_seconds: float) -> list[tuple[Partition, list[RawRecord]]]:
        """Up to `max_records`, by partition and in order; empty when nothing came in time."""
        if refused := self._refusal():
            raise refused
        fetched: dict[TopicPartition, list[Any]] = {}
        async with _translating():
            # While the group is rearranged getmany waits for the end of that, which is never where the broker is away.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds + REARRANGING_SECONDS):
                    fetched = await self._consumer.getmany(timeout_ms=int(wait_seconds * 1000), max_records=max_records)
        return [
            (
                Partition(tp.topic, tp.partition),
                [RawRecord(tp.topic, tp.partition, message.offset, message.value) for message in messages],
            )
            for tp, messages in fetched.items()
            if messages
        ]

    def _refusal(self) -> Fatal | None:
        """Why nothing will come, where aiokafka would wait for it for ever."""
        forbidden = self._consumer._client.cluster.unauthorized_topics & set(self._settings.topic)
        return self._membership.refused or (_forbidden("topic", forbidden) if forbidden else None)

    def hold(self, partitions: Iterable[Partition]) -> None:
        """Reads nothing from these until `seek`."""
        for partition in partitions:
            tp = TopicPartition(*partition)
            if tp in self._consumer.assignment():
                self._consumer.pause(tp)
                # A position of any kind keeps aiokafka from asking for a committed offset, which is not ours to follow.
                self._consumer.seek(tp, 0)

    def seek(self, partition: Partition, position: int) -> None:
        """Reads on from here."""
        tp = TopicPartition(*partition)
        if tp in self._consumer.assignment():
            self._consumer.seek(tp, position)
            self._consumer.resume(tp)

    def position(self, partition: Partition) -> int:
        """Where the client itself stands; past the last record by the markers of transactions. 0 where it is not ours.

        At once, other than aiokafka's own: whoever asks compares it with what has been read up to this very moment.
        """
        tp = TopicPartition(*partition)
        if tp not in self._consumer.assignment():
            return 0
        state = self._consumer._subscription.subscription.assignment.state_value(tp)
        return int(state.position) if state.has_valid_position else 0

    async def bounds(self, partitions: Iterable[Partition], seconds: float | None = None) -> dict[Partition, tuple[int, int]]:
        """First offset that Kafka has, and the one after the last, of each whose leader answers; `Transient` if none."""

        async def ask(asked: list[TopicPartition]) -> dict[Partition, tuple[int, int]]:
            first, end = await asyncio.gather(self._consumer.beginning_offsets(asked), self._consumer.end_offsets(asked))
            return {Partition(tp.topic, tp.partition): (first[tp], end[tp]) for tp in asked}

        leader = self._consumer._client.cluster.leader_for_partition
        return await _of_each_leader(ask, partitions, leader, REQUEST_SECONDS if seconds is None else seconds)

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Tells Kafka how far we are, for lag tools and autoscalers. Nothing of ours ever reads it."""
        mine = self._consumer.assignment()
        offsets = {tp: position for p, position in positions.items() if (tp := TopicPartition(*p)) in mine}
        if not offsets:
            return
        async with self._committing, _translating():
            if not self.stopped:
                await asyncio.wait_for(self._consumer.commit(offsets), REQUEST_SECONDS)

    def fetched_at(self, partition: Partition) -> int | None:
        """When the last fetch was answered, whatever it brought, in milliseconds of the clock; None where none was."""
        tp = TopicPartition(*partition)
        found: int | None = self._consumer.last_poll_timestamp(tp) if tp in self._consumer.assignment() else None
        return found

    def end(self, partition: Partition) -> int | None:
        """The offset after the last, as the last fetch has told; None where none has."""
        tp = TopicPartition(*partition)
        found: int | None = self._consumer.highwater(tp) if tp in self._consumer.assignment() else None
        return found


async def _of_each_leader(
    ask: Callable[[list[TopicPartition]], Awaitable[dict[Partition, T]]],
    partitions: Iterable[Partition],
    leader: Callable[[TopicPartition], int | None],
    seconds: float,
) -> dict[Partition, T]:
    """What the leaders answer, each for its own partitions: one that is away takes the others' answers from nobody.

    Raises `Transient` where none answers, and whatever is worse.
    """
    groups: dict[int | None, list[TopicPartition]] = {}
    for partition in partitions:
        tp = TopicPartition(*partition)
        groups.setdefault(leader(tp), []).append(tp)

    async def answer(asked: list[TopicPartition]) -> dict[Partition, T]:
        async with _translating():
            return await asyncio.wait_for(ask(asked), seconds)

    found: dict[Partition, T] = {}
    failures: list[BaseException] = []
    for told in await asyncio.gather(*map(answer, groups.values()), return_exceptions=True):
        if isinstance(told, BaseException):
            failures.append(told)
        else:
            found |= told
    for failure in failures:
        if not (found and isinstance(failure, Transient)):
            raise failure
    return found


def client_options(settings: Settings) -> dict[str, Any]:
    """What every aiokafka client is made with: addresses and security."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "client_id": "outcomes",
        "security_protocol": settings.kafka_security_protocol,
        "request_timeout_ms": int(REQUEST_SECONDS * 1000),
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        password = settings.kafka_ssl_password
        try:
            options["ssl_context"] = create_ssl_context(
                cafile=_text(settings.kafka_ssl_cafile),
                certfile=_text(settings.kafka_ssl_certfile),
                keyfile=_text(settings.kafka_ssl_keyfile),
                password=password.get_secret_value() if password else None,
            )
        except OSError as error:  # ssl.SSLError is one too
            raise Fatal(f"the TLS files for Kafka cannot be used: {error}") from error
    if settings.kafka_security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        if settings.kafka_sasl_mechanism == "OAUTHBEARER":
            options["sasl_oauth_token_provider"] = ClientCredentials(settings)
        else:
            secret = settings.kafka_sasl_password
            options["sasl_plain_username"] = settings.kafka_sasl_username
            options["sasl_plain_password"] = secret.get_secret_value() if secret else None
    return options


def near(topic: str, known: Iterable[str]) -> list[str]:
    """Names of topics that this one may be a slip for, the nearest first; none of Kafka's own, which begin with two `_`."""
    names = sorted((name for name in known if not name.startswith("__")), key=lambda name: (abs(len(name) - len(topic)), name))
    by_folded = {name.casefold(): name for name in reversed(names[:COMPARED_NAMES])}
    return [by_folded[found] for found in get_close_matches(topic.casefold(), by_folded, n=NEAR_NAMES)]


def or_rather(near: list[str]) -> str:
    """Near names, as a sentence asks for them."""
    return f" (did you mean {' or '.join(near)}?)" if near else ""


async def _raise_refusal(settings: Settings) -> None:
    """Asks each broker why it did not let us in: aiokafka's bootstrap logs that and goes on to the next."""
    options = client_options(settings)
    insecure: KafkaConnectionError | None = None
    for host, port, _ in collect_hosts(options.pop("bootstrap_servers")):
        try:
            connection = await create_conn(host, port, **options)
            try:
                await connection.send(MetadataRequest([]))
            finally:
                connection.close()
        except (*_FATAL, *_OTHER_VERSION):
            raise
        except ssl.SSLCertVerificationError as error:
            raise Fatal(
                f"the certificate of {host}:{port} is not trusted ({error.verify_message}): "
                "set OUTCOMES_KAFKA_SSL_CAFILE to the authority that signed it"
            ) from error
        except ssl.SSLError as error:
            insecure = KafkaConnectionError(str(error))
            insecure.__cause__ = error
        except (KafkaError, OSError, TimeoutError):
            pass  # away, which is what we know already
    if insecure is not None:
        raise insecure


def _text(path: object) -> str | None:
    return None if path is None else str(path)


_NOTHING_IN_IT = "the token endpoint's answer holds no token: check OUTCOMES_KAFKA_OAUTH_TOKEN_URL"


class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """OAuth 2.0 client credentials (RFC 6749, 4.4): asks for a token, and again shortly before it ends."""

    _EARLY_SECONDS = 60.0

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._token = ""
        self._until = 0.0

    async def token(self) -> str:
        """The bearer token for the next connection."""
        if time.monotonic() >= self._until:
            self._token, seconds = await self._ask()
            self._until = time.monotonic() + max(0.0, seconds - self._EARLY_SECONDS)
        return self._token

    async def _ask(self) -> tuple[str, float]:
        import aiohttp  # noqa: PLC0415 - a tenth of a command's start, for those few who use OAuth

        settings = self._settings
        secret = settings.kafka_oauth_client_secret
        login, password = settings.kafka_oauth_client_id or "", secret.get_secret_value() if secret else ""
        headers = {"Authorization": aiohttp.encode_basic_auth(login, password)}
        form = {"grant_type": "client_credentials"}
        if settings.kafka_oauth_scope:
            form["scope"] = settings.kafka_oauth_scope
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(settings.kafka_oauth_token_url or "", data=form, headers=headers) as response,
            ):
                if response.status in (400, 401, 403):
                    raise Fatal(f"the token endpoint refuses the client ({response.status}): check OUTCOMES_KAFKA_OAUTH_*")
                response.raise_for_status()
                answer = await response.json()
                return str(answer["access_token"]), float(answer.get("expires_in", 300))
        except aiohttp.ContentTypeError as error:
            raise Fatal(_NOTHING_IN_IT) from error
        except aiohttp.ClientError as error:
            raise Transient(f"the token endpoint does not answer: {type(error).__name__}") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:  # no JSON, no object, no such member
            raise Fatal(_NOTHING_IN_IT) from error


async def produce(settings: Settings, messages: AsyncIterator[tuple[str, bytes | None, bytes | None]]) -> int:
    """Sends (topic, key, value) in order; returns how many once Kafka has confirmed each.

    Raises `Transient`, `Fatal`, or `UsageError` where there is no such topic.
    """
    producer = AIOKafkaProducer(**client_options(settings), acks="all", linger_ms=5, max_batch_size=262_144)
    sent = 0
    under_way: list[asyncio.Future[Any]] = []
    try:
        async with _translating(settings.kafka_bootstrap_servers):
            await producer.start()
        async with _translating():
            async for topic, key, value in messages:
                try:
                    under_way.append(await producer.send(topic, value=value, key=key))
                except UnknownTopicOrPartitionError as error:
                    known = (await producer.client.fetch_all_metadata()).topics()
                    raise UsageError(f"Kafka has no topic {topic}{or_rather(near(topic, known))}") from error
                sent += 1
                if len(under_way) == UNCONFIRMED:
                    await _confirmed(under_way)
            await _confirmed(under_way)
    finally:
        with suppress(KafkaError, OSError, TimeoutError):  # what is under way then is told of below, or has been
            await asyncio.wait_for(producer.stop(), REQUEST_SECONDS)
        for future in under_way:
            future.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)  # else each failure among thousands is a line of asyncio's
    return sent


async def _confirmed(under_way: list[asyncio.Future[Any]]) -> None:
    """Waits for all of these, takes them off the list, and raises for the first that Kafka refused."""
    answers = await asyncio.gather(*under_way, return_exceptions=True)
    under_way.clear()
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer


class Producer:
    """Sends single records, each until every in-sync replica has it. Connects with the first, and anew after a failure.

    `send` raises `Transient` (broker away) or `Fatal` (refused). What it raised for is not sent later, unless the broker had
    it already and only its answer was lost: which of the two cannot be known.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def send(self, topic: str, value: bytes) -> None:
        """Returns when Kafka has it. Without a key: a bridge's choice of partition means nothing to those who read."""
        try:
            producer = await self._connected()
            async with _translating():
                await producer.send_and_wait(topic, value)
        except OutcomesError:
            await self.close()
            raise

    async def close(self) -> None:
        """Drops what was not sent."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.stop(), REQUEST_SECONDS)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(**client_options(self._settings), acks="all")
                async with _translating(self._settings.kafka_bootstrap_servers):
                    try:
                        await producer.start()
                    except BaseException:
                        await producer.stop()
                        raise
                self._producer = producer
            return self._producer


async def lag(settings: Settings, positions: Mapping[Partition, int]) -> dict[Partition, int]:
    """Records between each position and the end of its partition, without joining the group.

    Without partitions that are gone, and without those whose leader does not answer.
    """
    # Of several brokers the one that is asked first may hang: then there is to be time for the next.
    patience = {"request_timeout_ms": int(REQUEST_SECONDS * 1000 / 3)}
    consumer = AIOKafkaConsumer(**client_options(settings) | patience, enable_auto_commit=False)

    async def ask(asked: list[TopicPartition]) -> dict[Partition, int]:
        return {Partition(tp.topic, tp.partition): end for tp, end in (await consumer.end_offsets(asked)).items()}

    try:
        async with _translating(settings.kafka_bootstrap_servers):
            await asyncio.wait_for(consumer.start(), REQUEST_SECONDS)
        async with _translating():
            # Of all topics: naming one that is gone may make brokers create it.
            cluster = await asyncio.wait_for(consumer._client.fetch_all_metadata(), REQUEST_SECONDS)
        leader = cluster.leader_for_partition
        there = [partition for partition in positions if leader(TopicPartition(*partition)) is not None]
        async with _translating():
            await asyncio.wait_for(consumer._client.set_topics({topic for topic, _ in there}), REQUEST_SECONDS)
        ends = await _of_each_leader(ask, there, leader, REQUEST_SECONDS)
    finally:
        await consumer.stop()
    return {partition: max(0, end - positions[partition]) for partition, end in ends.items()}
