"""The client: Canvas' REST answers as validated models, page by page, each with the moment when it was asked for.

What Canvas asks of a client is kept: tokens in a header only, its own links followed as they are, less asked when its bucket
runs low (`doc/api/pagination`, `doc/api/throttling`). Only GETs are sent, so each may be sent again.
"""

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Generic, Literal, NamedTuple, Self, TypeVar

import aiohttp
from pydantic import SecretStr, TypeAdapter, ValidationError
from yarl import URL

from consumer import log
from consumer.errors import (
    CanvasAway,
    CanvasError,
    CanvasForbidden,
    CanvasNotFound,
    CanvasRejected,
    CanvasSurprise,
    CanvasUnauthorized,
    UsageError,
)
from consumer.settings import Settings
from schemas import rest

T = TypeVar("T")
A = TypeVar("A")

PER_PAGE = 100
"""What Canvas gives at most; it cuts larger wishes silently, and so may it cut this one."""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""No page of Canvas comes near; more is not read."""

REDIRECTS = 5
"""How many are followed, on the same host."""

UP_FRONT_COST = 50.0
"""What Canvas takes out of the bucket while a request runs."""

DRAIN_PER_SECOND = 10.0
"""How fast its bucket recovers."""

THROTTLED = b"Rate Limit Exceeded"
"""In the body of a 403 that is throttling; one without it is about permission."""

_CONNECTING = {
    "ClientConnectorDNSError": "no such host is known",
    "ClientConnectorSSLError": "no TLS is spoken there",
    "ClientConnectorCertificateError": "its certificate is not to be trusted",
}
"""What went wrong, in our own words."""

_ACCEPT = "application/json+canvas-string-ids"
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~*-]+\s*(?:=\s*(?:"[^"]*"|[^\s",;]*))?)*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))', re.IGNORECASE)

_logger = log.get("canvas.client")


class Context(NamedTuple):
    """An account or a course: what owns outcomes, groups, scales and standards. Its id is local."""

    context_type: Literal["Account", "Course"]
    context_id: int

    @property
    def path(self) -> str:
        """As it begins a path of the API."""
        return f"{self.context_type.lower()}s/{self.context_id}"


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """One object."""

    value: T
    requested_at: datetime
    """When the request began that was answered, UTC: Canvas had this state then or later."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, in Canvas' order; some pages are empty."""

    items: Sequence[T]
    requested_at: datetime
    """When the request of this page began, UTC."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long; tests have less of it."""

    tries: int = 6
    """Requests for one page, while connections, answers and Canvas itself fail."""
    throttlings: int = 30
    """How often one page may be refused for asking too fast."""
    first_seconds: float = 0.5
    """The first wait, which doubles with each failure; half of each wait is by chance."""
    most_seconds: float = 60
    """No wait is longer, whatever `Retry-After` says."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance; tests have their own."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    """From 0 to 1."""


@dataclass(frozen=True, slots=True)
class _Got:
    """A whole answer of status 200, unread."""

    body: bytes = field(repr=False)
    next_url: URL | None
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class _Failed:
    """A try that may be repeated."""

    why: str
    wait: float | None = None
    """Seconds, where Canvas said how long."""
    throttled: bool = False


class CanvasClient:
    """Asks one Canvas, with one token. An async context manager; several tasks may share it.

    Every method may raise: `CanvasUnauthorized`, `CanvasForbidden`, `CanvasNotFound`, `CanvasRejected`, `CanvasAway`,
    `CanvasSurprise`. Ids are local ones, or global ones of objects on another shard. Cancelling a task ends its wait at once.
    """

    def __init__(
        self,
        url: str,
        token: SecretStr,
        *,
        seconds: float = 30,
        concurrent: int = 4,
        patience: Patience = Patience(),
        clock: Clock = Clock(),
    ) -> None:
        self._base = URL(url)
        self._token = token
        self._seconds = seconds
        self._concurrent = concurrent
        self._patience = patience
        self._clock = clock
        self._slots = asyncio.Semaphore(concurrent)
        self._not_before = 0.0
        self.ahead_seconds = 0.0
        """How far our clock is ahead of Canvas' at least, by the `Date` of its answers, which has whole seconds."""
        self.requests = 0
        """How many were sent, answered or not."""
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As `settings` say. Raises `UsageError` where the address or the token is missing."""
        if settings.canvas_url is None:
            raise UsageError("no Canvas is named: set OUTCOMES_CANVAS_URL, or give --canvas-url")
        if settings.canvas_token is None:
            raise UsageError("a token is needed to ask Canvas: set OUTCOMES_CANVAS_TOKEN, or OUTCOMES_CANVAS_TOKEN_FILE")
        return cls(settings.canvas_url, settings.canvas_token, seconds=settings.canvas_seconds)

    def __repr__(self) -> str:
        return f"CanvasClient({str(self._base)!r})"

    @property
    def host(self) -> str:
        """Name of the server, with its port where that is not the usual one: `school.instructure.com`."""
        return self._base.host_port_subcomponent or ""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._seconds),
            connector=aiohttp.TCPConnector(limit=self._concurrent),
            cookie_jar=aiohttp.DummyCookieJar(),  # with a session's cookie Canvas would take it for a browser
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    # The tree

    async def account(self, account_id: int) -> Answer[rest.Account]:
        """One account."""
        return await self._one(f"accounts/{account_id}", _ACCOUNT)

    def accounts(self) -> AsyncIterator[Page[rest.Account]]:
        """The accounts that the token's user administers; not those below them."""
        return self._list("accounts", _ACCOUNTS)

    def sub_accounts(self, account_id: int) -> AsyncIterator[Page[rest.Account]]:
        """All accounts below this one, at any depth, in no order."""
        return self._list(f"accounts/{account_id}/sub_accounts", _ACCOUNTS, [("recursive", "true")])

    def account_courses(self, account_id: int, *, deleted: bool = False) -> AsyncIterator[Page[rest.Course]]:
        """The courses of this account and of all below it; `deleted`: those too."""
        return self._list(f"accounts/{account_id}/courses", _COURSES, [("state[]", "all")] if deleted else [])

    # Outcomes

    async def outcome(self, outcome_id: int) -> Answer[rest.Outcome]:
        """One outcome; `CanvasNotFound` unless it is active."""
        return await self._one(f"outcomes/{outcome_id}", _OUTCOME)

    def outcome_groups(self, context: Context) -> AsyncIterator[Page[rest.OutcomeGroup]]:
        """All active groups of the context, at any depth."""
        return self._list(f"{context.path}/outcome_groups", _GROUPS)

    def outcome_group_links(self, context: Context) -> AsyncIterator[Page[rest.OutcomeGroupLink]]:
        """All active links of the context, with whole outcomes and groups."""
        styles = [("outcome_style", "full"), ("outcome_group_style", "full")]
        return self._list(f"{context.path}/outcome_group_links", _LINKS, styles)

    async def outcome_alignments(
        self, course_id: int, *, student_id: int | str | None = None, assignment_id: int | None = None
    ) -> Answer[list[rest.OutcomeAlignment]]:
        """The alignments of an assignment, or of all that a student has to hand in; one of the two is needed.

        Canvas does not page them. `CanvasNotFound`: no such assignment, or a deleted one. `CanvasRejected`: an older Canvas,
        which wants a student.
        """
        asked = [("student_id", student_id), ("assignment_id", assignment_id)]
        query = [(name, str(value)) for name, value in asked if value is not None]
        return await self._one(f"courses/{course_id}/outcome_alignments", _ALIGNMENTS, query)

    # Results

    def outcome_results(
        self,
        course_id: int,
        *,
        user_ids: Iterable[int | str] = (),
        outcome_ids: Iterable[int] = (),
        include_hidden: bool = False,
    ) -> AsyncIterator[Page[rest.OutcomeResult]]:
        """Active results with an alignment that still exists; of some users or outcomes only, as many as an address holds."""
        query = _ids(user_ids, outcome_ids) + ([("include_hidden", "true")] if include_hidden else [])
        return self._pages(f"courses/{course_id}/outcome_results", _RESULTS, lambda told: told.outcome_results, query)

    def outcome_rollups(
        self,
        course_id: int,
        *,
        user_ids: Iterable[int | str] = (),
        outcome_ids: Iterable[int] = (),
        aggregate_stat: Literal["mean", "median"] | None = None,
    ) -> AsyncIterator[Page[rest.OutcomeRollup]]:
        """A rollup for each student and section; with `aggregate_stat` one of the whole course."""
        aggregate = [("aggregate", "course"), ("aggregate_stat", aggregate_stat)] if aggregate_stat else []
        query = _ids(user_ids, outcome_ids) + aggregate
        return self._pages(f"courses/{course_id}/outcome_rollups", _ROLLUPS, lambda told: told.rollups, query)

    # Scales and standards

    async def outcome_proficiency(self, context: Context) -> Answer[rest.Proficiency | None]:
        """The scale in force in the context, its own or the nearest above; None where there is none."""
        try:
            answer = await self._one(f"{context.path}/outcome_proficiency", _PROFICIENCY)
        except CanvasNotFound as none:
            return Answer(None, none.requested_at)
        return Answer(answer.value, answer.requested_at)

    def grading_standards(self, context: Context) -> AsyncIterator[Page[rest.GradingStandard]]:
        """The context's own standards, without deleted ones; those of the accounts above are not among them."""
        return self._list(f"{context.path}/grading_standards", _STANDARDS)

    async def grading_standard(self, context: Context, grading_standard_id: int) -> Answer[rest.GradingStandard]:
        """One standard."""
        return await self._one(f"{context.path}/grading_standards/{grading_standard_id}", _STANDARD)

    # How it is asked

    async def _one(self, path: str, shape: TypeAdapter[A], query: Iterable[tuple[str, str]] = ()) -> Answer[A]:
        value, got = await self._get(path, self._url(path, query), shape)
        return Answer(value, got.requested_at)

    def _list(self, path: str, shape: TypeAdapter[list[T]], query: Iterable[tuple[str, str]] = ()) -> AsyncIterator[Page[T]]:
        return self._pages(path, shape, lambda items: items, query)

    async def _pages(
        self,
        path: str,
        shape: TypeAdapter[A],
        items: Callable[[A], Sequence[T]],
        query: Iterable[tuple[str, str]] = (),
    ) -> AsyncIterator[Page[T]]:
        url: URL | None = self._url(path, [*query, ("per_page", str(PER_PAGE))])
        seen = set()
        while url is not None:
            if str(url) in seen:
                raise CanvasSurprise(f"{_named(path)}: the pages go round in a circle")
            seen.add(str(url))
            value, got = await self._get(path, url, shape)
            yield Page(items(value), got.requested_at)
            url = got.next_url

    def _url(self, path: str, query: Iterable[tuple[str, str]]) -> URL:
        return (self._base / "api/v1" / path).with_query(list(query))

    async def _get(self, path: str, url: URL, shape: TypeAdapter[A]) -> tuple[A, _Got]:
        """Asks until there is a whole answer or no patience is left."""
        failures = throttlings = 0
        while True:
            async with self._slots:
                await self._pause()
                outcome = await self._try(path, url)
            if isinstance(outcome, CanvasError):
                raise outcome
            if isinstance(outcome, _Got):
                read = _read(path, shape, outcome.body)
                if isinstance(read, CanvasError):
                    raise read
                if not isinstance(read, _Failed):
                    return read[0], outcome
                outcome = read
            if outcome.throttled:
                throttlings += 1
                wait = self._wait(throttlings, outcome)
                # The bucket is this token's, so all tasks wait.
                self._not_before = max(self._not_before, self._clock.monotonic() + wait)
            else:
                failures += 1
                wait = self._wait(failures, outcome)
            if throttlings > self._patience.throttlings:
                raise CanvasAway(f"{_named(path)}: given up after {throttlings} times of {outcome.why}")
            if failures >= self._patience.tries:
                raise CanvasAway(f"{_named(path)}: given up after {failures} tries; at last {outcome.why}")
            _logger.info("Canvas is asked again", path=path, why=outcome.why, seconds=round(wait, 3))
            if not outcome.throttled:
                await self._clock.sleep(wait)

    async def _pause(self) -> None:
        """Until Canvas' bucket has room again, as far as it is known."""
        wait = self._not_before - self._clock.monotonic()
        if wait > 0:
            await self._clock.sleep(wait * (1 + 0.1 * self._clock.chance()))

    def _wait(self, times: int, failed: _Failed) -> float:
        """Seconds before the next try: what Canvas said, else twice as long each time, the second half of it by chance."""
        chance = self._clock.chance()
        if failed.wait is not None:
            return min(failed.wait + chance * self._patience.first_seconds, self._patience.most_seconds)
        return min(self._patience.first_seconds * 2.0 ** min(times - 1, 30), self._patience.most_seconds) * (0.5 + chance / 2)

    async def _try(self, path: str, url: URL) -> _Got | _Failed | CanvasError:
        """One request, with its redirects. Errors are values: none of aiohttp's, which hold headers, may hang on ours."""
        assert self._session is not None, "the client is used inside `async with`"
        requested_at = self._clock.now()
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}", "Accept": _ACCEPT, "User-Agent": "outcomes"}
        try:
            for _ in range(REDIRECTS + 1):
                if not self._is_ours(url):
                    return CanvasSurprise(f"{_named(path)}: Canvas points to another address; is OUTCOMES_CANVAS_URL right?")
                self.requests += 1
                async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                    target = response.headers.get("Location")
                    if response.status not in (301, 302, 303, 307, 308) or target is None:
                        return await self._heard(path, url, response, requested_at)
                    url = url.join(URL(target, encoded=True))
        except TimeoutError:
            return _Failed(f"no whole answer within {self._seconds:g} seconds")
        except (aiohttp.ClientError, OSError) as error:
            return _Failed(_CONNECTING.get(type(error).__name__, f"the connection failed ({type(error).__name__})"))
        except ValueError:
            return CanvasSurprise(f"{_named(path)}: Canvas points to something that is no address")
        return CanvasSurprise(f"{_named(path)}: more than {REDIRECTS} redirects")

    def _is_ours(self, url: URL) -> bool:
        """Whether the token may go there."""
        return url.absolute and url.user is None and url.password is None and url.origin() == self._base.origin()

    async def _heard(
        self, path: str, url: URL, response: aiohttp.ClientResponse, requested_at: datetime
    ) -> _Got | _Failed | CanvasError:
        self._measure(response)
        if (date := _date(response.headers.get("Date", ""))) is not None:
            self.ahead_seconds = max(self.ahead_seconds, (requested_at - date).total_seconds() - 1)
        body = await _body(response)
        if body is None:
            return CanvasSurprise(f"{_named(path)}: an answer of more than {MAX_BODY_BYTES // 1024 // 1024} MB")
        status, wait = response.status, _retry_after(response, self._clock.now())
        if status == 429 or (status == 403 and THROTTLED in body):
            return _Failed(f"being told to ask less ({status})", wait, throttled=True)
        if status >= 500 or status == 408:
            return _Failed(f"status {status}", wait)
        if status == 401 and ("WWW-Authenticate" in response.headers or b'"unauthorized"' not in body):
            return CanvasUnauthorized(f"{_named(path)}: Canvas does not know this token (401); is OUTCOMES_CANVAS_TOKEN right?")
        if status in (401, 403):
            return CanvasForbidden(f"{_named(path)}: the token's user may not see this ({status})")
        if status == 404:
            return CanvasNotFound(f"{_named(path)}: there is no such thing (404)", requested_at)
        if status != 200:
            return (CanvasRejected if status >= 400 else CanvasSurprise)(f"{_named(path)}: status {status}")
        if "json" not in response.content_type:
            return CanvasSurprise(f"{_named(path)}: the answer is no JSON; is OUTCOMES_CANVAS_URL a Canvas?")
        link = _next(response.headers.getall("Link", []))
        return _Got(body, None if link is None else url.join(URL(link, encoded=True)), requested_at)

    def _measure(self, response: aiohttp.ClientResponse) -> None:
        """Asks later when the bucket has not room for what may run at once, and for one more."""
        remaining = _number(response.headers.get("X-Rate-Limit-Remaining"))
        if remaining is None:
            return
        cost = _number(response.headers.get("X-Request-Cost")) or 0.0
        needed = max(UP_FRONT_COST, cost) * (self._concurrent + 1)
        if remaining < needed and response.status == 200:
            wait = min((needed - remaining) / DRAIN_PER_SECOND, self._patience.most_seconds)
            self._not_before = max(self._not_before, self._clock.monotonic() + wait)
            _logger.debug("Canvas' bucket runs low", remaining=remaining, seconds=round(wait, 3))


def _named(path: str) -> str:
    return f"GET /api/v1/{path}"


def _ids(user_ids: Iterable[int | str], outcome_ids: Iterable[int]) -> list[tuple[str, str]]:
    return [("user_ids[]", str(id_)) for id_ in user_ids] + [("outcome_ids[]", str(id_)) for id_ in outcome_ids]


async def _body(response: aiohttp.ClientResponse) -> bytes | None:
    """The whole body; None where it is too large."""
    pieces, size = [], 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BODY_BYTES:
            return None
    return b"".join(pieces)


def _next(headers: Iterable[str]) -> str | None:
    """The address that `Link` calls `next` (RFC 8288), untouched: Canvas says it is opaque."""
    for header in headers:
        for target, parameters in _LINK.findall(header):
            rel = _REL.search(parameters)
            if rel is not None and "next" in (rel[1] or rel[2] or "").lower().split():
                return str(target)
    return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) < 1e9 else None


def _retry_after(response: aiohttp.ClientResponse, now: datetime) -> float | None:
    """Seconds, said as such or as a date (RFC 9110)."""
    text = response.headers.get("Retry-After", "")
    if (seconds := _number(text)) is not None:
        return max(seconds, 0.0)
    date = _date(text)
    return None if date is None else max((date - now).total_seconds(), 0.0)


def _date(text: str) -> datetime | None:
    """A date of a header."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year of twenty digits is no ValueError
        return None
    return date.replace(tzinfo=date.tzinfo or UTC)


def _read(path: str, shape: TypeAdapter[A], body: bytes) -> tuple[A] | _Failed | CanvasSurprise:
    """The model. JSON that ends too early was cut on its way; another shape is a surprise, said by its path and no content."""
    try:
        return (shape.validate_json(body),)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return _Failed("an answer that is no whole JSON")
    message = f"{first['msg'][0].lower()}{first['msg'][1:]}"
    return CanvasSurprise(f"{_named(path)}: {_place(first['loc'])} is not as Canvas publishes it: {message}")


def _place(location: Iterable[Any]) -> str:
    """`outcome_results[3].links.user`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".") or "the answer"


_ACCOUNT = TypeAdapter(rest.Account)
_ACCOUNTS = TypeAdapter(list[rest.Account])
_COURSES = TypeAdapter(list[rest.Course])
_OUTCOME = TypeAdapter(rest.Outcome)
_GROUPS = TypeAdapter(list[rest.OutcomeGroup])
_LINKS = TypeAdapter(list[rest.OutcomeGroupLink])
_ALIGNMENTS = TypeAdapter(list[rest.OutcomeAlignment])
_RESULTS = TypeAdapter(rest.OutcomeResults)
_ROLLUPS = TypeAdapter(rest.OutcomeRollups)
_PROFICIENCY = TypeAdapter(rest.Proficiency)
_STANDARDS = TypeAdapter(list[rest.GradingStandard])
_STANDARD = TypeAdapter(rest.GradingStandard)
