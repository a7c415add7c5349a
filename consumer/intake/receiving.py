"""Messages of a queue -> the outlet; each is deleted once the outlet has its events, and not before."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from importlib.metadata import version

from consumer import log
from consumer.errors import NoEvent, RecordTooLarge, Transient
from consumer.intake.events import HEADER, events_of
from consumer.intake.keeping import FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS, Keeper
from consumer.intake.metrics import IntakeMetrics
from consumer.intake.queue import MOST_MESSAGES, Message, Queue

RECEIVERS = 8
"""Requests at a time, each for at most `MOST_MESSAGES`: so at most 80 messages are in flight."""
MOST_BYTES = 1024 * 1024
"""Of the messages in flight. In memory each is about four times as large."""
_LEAST_MESSAGE, _MOST_MESSAGE = 12 * 1024, 1024 * 1024
"""Bytes. SQS takes none that is larger; of the small ones, `RECEIVERS` times `MOST_MESSAGES` fit into `MOST_BYTES`."""
_LOOK_SECONDS = 0.2
_LAST_ANSWER_SECONDS = 1.0
"""How long a stopping intake waits for messages that SQS is about to hand out."""


_REASONS: dict[type[Exception], str] = {NoEvent: "no_event", RecordTooLarge: "too_large"}
"""Why a message is refused, for the metric and the log."""

Opener = Callable[[bytes], Awaitable[bytes]]
"""Gives the event in a body, which may be a token. Raises `NoEvent`, or `Transient` while nobody knows."""


class Room:
    """Bounds the bytes in flight. SQS counts only messages, so we ask for as many as fit if none is larger than recent ones.

    A burst of larger messages exceeds the bound once.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._free = most_bytes
        self._largest = _MOST_MESSAGE
        self._changed = asyncio.Condition()

    async def take(self) -> tuple[int, int]:
        """Waits until there is room; (messages to ask for, bytes taken)."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= self._largest)
            count = min(MOST_MESSAGES, self._free // self._largest)
            self._free -= count * self._largest
            return count, count * self._largest

    async def change(self, taken: int, sizes: Sequence[int]) -> int:
        """Takes what the messages have in place of what was taken; bytes taken now."""
        async with self._changed:
            self._largest = min(_MOST_MESSAGE, max(_LEAST_MESSAGE, self._largest // 2, *sizes))
            self._free += taken - sum(sizes)
            self._changed.notify_all()
            return sum(sizes)

    async def give_back(self, taken: int) -> None:
        """These messages are in flight no more."""
        async with self._changed:
            self._free += taken
            self._changed.notify_all()


class Receiving:
    """One queue, until `stop`. `hidden_seconds`: how long others do not see what is in flight, unless it is hidden again."""

    def __init__(
        self, queue: Queue, keeper: Keeper, opened: Opener, metrics: IntakeMetrics, *, hidden_seconds: int, drop_personal: bool
    ) -> None:
        self._queue = queue
        self._keeper = keeper
        self._opened = opened
        self._metrics = metrics
        self._hidden_seconds = hidden_seconds
        self._drop_personal = drop_personal
        self._headers = {HEADER: f"sqs:{queue.name}"}
        self._room = Room()
        self._stopped = asyncio.Event()
        self._away_since: float | None = None

    @property
    def waiting_for(self) -> str | None:
        """Why no message can be stored now; None if it can."""
        return self._keeper.waiting_for if self._away_since is None else f"the queue {self._queue.name}"

    def stop(self) -> None:
        """Receives no more; what is in flight is finished."""
        self._stopped.set()

    async def run(self, *, direct: bool = False, probes: str | None = None) -> None:
        """Checks the queue, and takes its messages until `stop`. Cancelled, it gives back what is in flight.

        `direct` and `probes`: for the line of the log that says that the queue has answered.
        """
        pause = FIRST_PAUSE_SECONDS
        while not self._stopped.is_set():
            try:
                for sentence in await self._queue.check():
                    log.get("intake").warning("queue_at_risk", note=sentence)
                of = version("outcomes-consumer")
                log.get("intake").info("receiving", version=of, queue=self._queue.name, direct=direct, probes=probes)
                break
            except Transient as error:
                pause = await self._wait_out(error, pause)
        async with asyncio.TaskGroup() as receivers:
            for number in range(RECEIVERS):
                receivers.create_task(self._receive_all(), name=f"{self._queue.name} {number}")

    async def _receive_all(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopped.is_set():
            count, taken = await self._room.take()
            if self._stopped.is_set():  # while it waited for room
                return
            messages: list[Message] = []
            try:
                if self._keeper.waiting_for is None:
                    messages = await self._receive(count)
                    self._is_back()
                    pause = FIRST_PAUSE_SECONDS
                else:  # each delivery counts for the redrive policy
                    await asyncio.sleep(_LOOK_SECONDS)
            except Transient as error:
                pause = await self._wait_out(error, pause)
            finally:
                taken = await self._room.change(taken, [len(message.body) for message in messages])
            try:
                await self._take(messages)
            finally:
                messages.clear()  # not held while it waits for room
                await self._room.give_back(taken)

    async def _receive(self, count: int) -> list[Message]:
        receiving = asyncio.create_task(self._queue.receive(count, self._hidden_seconds))
        stopping = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait({receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({receiving}, timeout=_LAST_ANSWER_SECONDS)
            return receiving.result() if receiving.done() else []
        finally:
            receiving.cancel()
            stopping.cancel()

    async def _take(self, messages: Sequence[Message]) -> None:
        """Brings each to its end. Hides those again that take long; cancelled, gives back what is not stored."""
        waiting = {asyncio.create_task(self._keep(message)): message for message in messages}
        self._metrics.in_flight.inc(len(waiting))
        try:
            while waiting:
                done, _ = await asyncio.wait(waiting, timeout=self._hidden_seconds / 3, return_when=asyncio.FIRST_EXCEPTION)
                ended = [(waiting.pop(task), task) for task in done]
                self._metrics.in_flight.dec(len(ended))
                not_now = [message for message, task in ended if isinstance(task.exception(), Transient)]
                await self._give_back(not_now)
                await self._tell(
                    self._queue.delete, [message for message, task in ended if message not in not_now and task.result()]
                )
                await self._tell(lambda these: self._queue.hide(these, self._hidden_seconds), list(waiting.values()))
        finally:
            self._metrics.in_flight.dec(len(waiting))
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            await self._give_back(list(waiting.values()))

    async def _keep(self, message: Message) -> bool:
        """Whether its events are stored; if not, they never will be. Raises `Transient`."""
        begun = time.monotonic()
        try:
            event = await self._opened(message.body)
            events = events_of(event, self._headers, drop_personal=self._drop_personal)
            await asyncio.gather(*map(self._keeper.keep, events))
        except Transient:
            raise
        except Exception as error:  # a bug too: it must not end the process again and again
            reason = _REASONS.get(type(error), "bug")
            self._metrics.refused.labels(reason).inc()
            log.get("intake").warning(
                "message_refused",
                queue=self._queue.name,
                reason=reason,
                error=str(error) if type(error) in _REASONS else type(error).__name__,
                where=[] if type(error) in _REASONS else log.where(error),
                deliveries=message.deliveries,
            )
            return False  # it stays hidden for now, and the queue's redrive policy takes it away
        self._metrics.seconds.observe(time.monotonic() - begun)
        return True

    async def _give_back(self, messages: Sequence[Message]) -> None:
        """Lets others have them at once."""
        self._metrics.given_back.inc(len(messages))
        await self._tell(lambda these: self._queue.hide(these, 0), messages)

    async def _tell(self, tell: Callable[[Sequence[Message]], Awaitable[None]], messages: Sequence[Message]) -> None:
        """Best effort: after an error SQS delivers these messages again."""
        if messages:
            try:
                await tell(messages)
            except Transient as error:
                self._went_away(error)

    async def _wait_out(self, error: Transient, pause: float) -> float:
        """Waits before the next try; the pause after that."""
        self._went_away(error)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause * (0.5 + random.random())):
                await self._stopped.wait()
        return min(MOST_PAUSE_SECONDS, pause * 2)

    def _went_away(self, error: Transient) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            log.get("intake").warning("queue_away", queue=self._queue.name, error=str(error))

    def _is_back(self) -> None:
        if self._away_since is not None:
            log.get("intake").info("queue_back", queue=self._queue.name, seconds=round(time.monotonic() - self._away_since, 1))
            self._away_since = None
