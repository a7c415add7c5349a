"""When the next request may go: Canvas' rate limit, and the wait after a failure (`doc/api/throttling`)."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from consumer import log
from consumer.canvas.responses import Retryable, number

UP_FRONT_COST = 50.0
"""Canvas takes this much out of the bucket while a request runs."""

DRAIN_PER_SECOND = 10.0
"""The bucket recovers this fast."""

_logger = log.get("canvas.client")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits for one page."""

    tries: int = 6
    """Requests, while connections, answers or Canvas itself fail."""
    throttlings: int = 30
    """Times that Canvas may answer "too fast"."""
    first_seconds: float = 0.5
    """The first wait. Each failure doubles it; half of each wait is random."""
    max_seconds: float = 60
    """No wait is longer, whatever `Retry-After` says."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance; tests replace them."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    """From 0 to 1."""


class Pacer:
    """Shared by all requests with one token: the bucket belongs to the token."""

    def __init__(self, policy: RetryPolicy, clock: Clock, concurrent: int) -> None:
        self._policy = policy
        self._clock = clock
        self._concurrent = concurrent
        self._not_before = 0.0
        """Monotonic time."""

    async def wait_for_room(self) -> None:
        """Until the bucket has room again, as far as we know."""
        wait = self._not_before - self._clock.monotonic()
        if wait > 0:
            await self._clock.sleep(wait * (1 + 0.1 * self._clock.chance()))

    def hold(self, seconds: float) -> None:
        """No request goes before that."""
        self._not_before = max(self._not_before, self._clock.monotonic() + seconds)

    def seconds_before_retry(self, times: int, failed: Retryable) -> float:
        """As long as Canvas said, else twice as long each time, half of it random."""
        policy, chance = self._policy, self._clock.chance()
        if failed.wait is not None:
            return min(failed.wait + chance * policy.first_seconds, policy.max_seconds)
        return min(policy.first_seconds * 2.0 ** min(times - 1, 30), policy.max_seconds) * (0.5 + chance / 2)

    def note_bucket(self, headers: Mapping[str, str]) -> None:
        """Holds requests back unless the bucket has room for all that may run at once, and for one more."""
        remaining = number(headers.get("X-Rate-Limit-Remaining"))
        if remaining is None:
            return
        cost = number(headers.get("X-Request-Cost")) or 0.0
        needed = max(UP_FRONT_COST, cost) * (self._concurrent + 1)
        if remaining < needed:
            wait = min((needed - remaining) / DRAIN_PER_SECOND, self._policy.max_seconds)
            self.hold(wait)
            _logger.debug("canvas_bucket_low", remaining=remaining, seconds=round(wait, 3))
