"""Canvas' REST API: answers as validated models, page by page, each with the time of its request.

The token goes in a header only, and only to Canvas' own origin. Links are followed as they are (`doc/api/pagination`). Only
GETs are sent, so each may be repeated.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Generic, Literal, NamedTuple, Self, TypeVar

import aiohttp
from pydantic import SecretStr
from yarl import URL

from consumer import log
from consumer.canvas.pacing import Clock, Pacer, RetryPolicy
from consumer.canvas.responses import Retryable, Success, date, endpoint, failure, next_link, parse
from consumer.errors import CanvasAway, CanvasError, CanvasNotFound, CanvasSurprise, UsageError
from consumer.settings import Settings
from schemas import rest, rest_gradebook, rest_people

T = TypeVar("T")
A = TypeVar("A")

PER_PAGE = 100
"""Canvas' maximum. It silently reduces larger numbers, and may reduce this one."""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Far more than a page of Canvas has."""

REDIRECTS = 5
"""Most redirects that one request follows, on the same host."""

_CONNECTION_ERRORS = {
    "ClientConnectorDNSError": "no such host is known",
    "ClientConnectorSSLError": "the server does not speak TLS",
    "ClientConnectorCertificateError": "the server's certificate is not trusted",
}
"""In our own words: aiohttp's exceptions hold headers."""

_ACCEPT = "application/json+canvas-string-ids"
_POLICY, _CLOCK = RetryPolicy(), Clock()

_STATES = ("active", "invited", "rejected", "completed", "inactive")
"""What the list of users can be asked for. Only the list of enrolments also shows deleted ones."""
_ALL_STATES = (*_STATES, "creation_pending", "deleted")
_TYPES = ("Student", "StudentView", "Teacher", "Ta", "Designer", "Observer")

_logger = log.get("canvas.client")


class Context(NamedTuple):
    """An account or a course: what owns outcomes, groups, scales and standards. Its id is local."""

    context_type: Literal["Account", "Course"]
    context_id: int

    @property
    def path(self) -> str:
        """`accounts/1`: the first part of an API path."""
        return f"{self.context_type.lower()}s/{self.context_id}"

    @property
    def step(self) -> str:
        """`account:1`: its step in a backfill."""
        return f"{self.context_type.lower()}:{self.context_id}"


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """One object."""

    value: T
    requested_at: datetime
    """When the request began, UTC: Canvas had this state then or later."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, in Canvas' order; it may be empty."""

    items: Sequence[T]
    requested_at: datetime


class CanvasClient:
    """Reads one Canvas with one token. An async context manager; several tasks may share it.

    Every method may raise any `CanvasError`. Ids are local, or global for objects on another shard.
    """

    def __init__(
        self,
        url: str,
        token: SecretStr,
        *,
        seconds: float = 30,
        concurrent: int = 4,
        policy: RetryPolicy = _POLICY,
        clock: Clock = _CLOCK,
    ) -> None:
        self._base = URL(url)
        self._token = token
        self._seconds = seconds
        self._concurrent = concurrent
        self._policy = policy
        self._clock = clock
        self._slots = asyncio.Semaphore(concurrent)
        self._pacer = Pacer(policy, clock, concurrent)
        self.ahead_seconds = 0.0
        """Our clock is at least this far ahead of Canvas', by the `Date` of its answers, which has whole seconds."""
        self.requests = 0
        """Requests sent, answered or not."""
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """From the settings. Raises `UsageError` if the address or the token is missing."""
        if settings.canvas_url is None:
            raise UsageError("no Canvas is named: set OUTCOMES_CANVAS_URL or pass --canvas-url")
        if settings.canvas_token is None:
            raise UsageError("Canvas needs a token: set OUTCOMES_CANVAS_TOKEN or OUTCOMES_CANVAS_TOKEN_FILE")
        return cls(settings.canvas_url, settings.canvas_token, seconds=settings.canvas_seconds)

    def __repr__(self) -> str:
        return f"CanvasClient({str(self._base)!r})"

    @property
    def host(self) -> str:
        """The server's name, with its port unless that is the default: `school.instructure.com`."""
        return self._base.host_port_subcomponent or ""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._seconds),
            connector=aiohttp.TCPConnector(limit=self._concurrent),
            cookie_jar=aiohttp.DummyCookieJar(),  # with a session cookie, Canvas treats a client as a browser
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
        return await self._one(f"accounts/{account_id}", rest.Account)

    def accounts(self) -> AsyncIterator[Page[rest.Account]]:
        """The accounts that the token's user administers, without those below them."""
        return self._list("accounts", rest.Account)

    def sub_accounts(self, account_id: int) -> AsyncIterator[Page[rest.Account]]:
        """All accounts below this one, at any depth, unordered."""
        return self._list(f"accounts/{account_id}/sub_accounts", rest.Account, [("recursive", "true")])

    def account_courses(self, account_id: int, *, deleted: bool = False) -> AsyncIterator[Page[rest.Course]]:
        """The courses of this account and of all below it, with deleted ones if `deleted`."""
        return self._list(f"accounts/{account_id}/courses", rest.Course, [("state[]", "all")] if deleted else [])

    # People and places

    async def own_user_id(self) -> int:
        """The token's user."""
        return (await self._one("users/self", rest_people.User)).value.id

    def terms(self, root_account_id: int) -> AsyncIterator[Page[rest.Term]]:
        """All terms of a root account, with deleted ones."""
        query = [("workflow_state[]", "all")]
        return self._pages(
            f"accounts/{root_account_id}/terms", rest_people.EnrollmentTerms, lambda body: body.enrollment_terms, query
        )

    def sections(self, course_id: int) -> AsyncIterator[Page[rest_people.Section]]:
        """The active sections of a course."""
        return self._list(f"courses/{course_id}/sections", rest_people.Section)

    def assignments(self, course_id: int) -> AsyncIterator[Page[rest_people.Assignment]]:
        """The assignments of a course, without deleted ones."""
        return self._list(f"courses/{course_id}/assignments", rest_people.Assignment)

    def enrollments(self, course_id: int) -> AsyncIterator[Page[rest_people.Enrollment]]:
        """The enrolments of a course, of all types and in all states, with each user's uuid."""
        query = [("include[]", "uuid"), *(("state[]", state) for state in _ALL_STATES)]
        return self._list(
            f"courses/{course_id}/enrollments",
            rest_people.Enrollment,
            [*query, *(("type[]", f"{type_}Enrollment") for type_ in _TYPES)],
        )

    def course_users(self, course_id: int) -> AsyncIterator[Page[rest_people.User]]:
        """Students, test students and teachers with an enrolment that is not deleted, and their enrolments.

        Canvas takes the test student out after it has cut the pages, so pages may be short.
        """
        query = [("enrollment_type[]", type_) for type_ in ("student", "student_view", "teacher", "ta")]
        query += [("enrollment_state[]", state) for state in _STATES]
        query += [("include[]", what) for what in ("uuid", "enrollments", "test_student")]
        return self._list(f"courses/{course_id}/users", rest_people.User, query)

    async def user(self, user_id: int) -> Answer[rest_people.User]:
        """One user, also one who was merged into another one.

        `CanvasNotFound`: deleted, or the token's user administers none of the user's accounts.
        """
        return await self._one(f"users/{user_id}", rest_people.User, [("include[]", "uuid")])

    # Outcomes

    async def outcome(self, outcome_id: int) -> Answer[rest.Outcome]:
        """One outcome; `CanvasNotFound` unless it is active."""
        return await self._one(f"outcomes/{outcome_id}", rest.Outcome)

    def outcome_groups(self, context: Context) -> AsyncIterator[Page[rest.OutcomeGroup]]:
        """All active groups of the context, at any depth."""
        return self._list(f"{context.path}/outcome_groups", rest.OutcomeGroup)

    def outcome_group_links(self, context: Context) -> AsyncIterator[Page[rest.OutcomeGroupLink]]:
        """All active links of the context, with whole outcomes and groups."""
        styles = [("outcome_style", "full"), ("outcome_group_style", "full")]
        return self._list(f"{context.path}/outcome_group_links", rest.OutcomeGroupLink, styles)

    async def outcome_alignments(
        self, course_id: int, *, student_id: int | str | None = None, assignment_id: int | None = None
    ) -> Answer[list[rest.OutcomeAlignment]]:
        """The alignments of an assignment, or of all assignments of a student; give one of the two. Canvas does not page them.

        `CanvasNotFound`: the assignment does not exist or is deleted. `CanvasRejected`: an older Canvas needs a student.
        """
        filters = [("student_id", student_id), ("assignment_id", assignment_id)]
        query = [(name, str(value)) for name, value in filters if value is not None]
        return await self._one(f"courses/{course_id}/outcome_alignments", list[rest.OutcomeAlignment], query)

    # Results

    def outcome_results(
        self, course_id: int, *, include_hidden: bool = False
    ) -> AsyncIterator[Page[rest_gradebook.OutcomeResult]]:
        """Active results whose alignment exists."""
        query = [("include_hidden", "true")] if include_hidden else []
        return self._pages(
            f"courses/{course_id}/outcome_results", rest_gradebook.OutcomeResults, lambda body: body.outcome_results, query
        )

    def outcome_rollups(self, course_id: int) -> AsyncIterator[Page[rest_gradebook.OutcomeRollup]]:
        """A rollup for each student and section."""
        return self._pages(f"courses/{course_id}/outcome_rollups", rest_gradebook.OutcomeRollups, lambda body: body.rollups)

    # Scales and standards

    async def outcome_proficiency(self, context: Context) -> Answer[rest.Proficiency | None]:
        """The scale in force in the context: its own or the nearest above, or None."""
        try:
            answer = await self._one(f"{context.path}/outcome_proficiency", rest.Proficiency)
        except CanvasNotFound as none:
            return Answer(None, none.requested_at)
        return Answer(answer.value, answer.requested_at)

    def grading_standards(self, context: Context) -> AsyncIterator[Page[rest.GradingStandard]]:
        """The context's own standards, without deleted ones and without those of the accounts above."""
        return self._list(f"{context.path}/grading_standards", rest.GradingStandard)

    # Requests

    async def _one(self, path: str, shape: type[A], query: Iterable[tuple[str, str]] = ()) -> Answer[A]:
        value, response = await self._get(path, self._url(path, query), shape)
        return Answer(value, response.requested_at)

    def _list(self, path: str, item: type[T], query: Iterable[tuple[str, str]] = ()) -> AsyncIterator[Page[T]]:
        return self._pages(path, list[item], lambda items: items, query)  # type: ignore[valid-type]  # a class in a variable

    async def _pages(
        self, path: str, shape: type[A], items: Callable[[A], Sequence[T]], query: Iterable[tuple[str, str]] = ()
    ) -> AsyncIterator[Page[T]]:
        url: URL | None = self._url(path, [*query, ("per_page", str(PER_PAGE))])
        seen = set()
        while url is not None:
            if str(url) in seen:
                raise CanvasSurprise(f"{endpoint(path)}: the next page is one that was read before")
            seen.add(str(url))
            value, response = await self._get(path, url, shape)
            yield Page(items(value), response.requested_at)
            url = response.next_url

    def _url(self, path: str, query: Iterable[tuple[str, str]]) -> URL:
        return (self._base / "api/v1" / path).with_query(list(query))

    async def _get(self, path: str, url: URL, shape: type[A]) -> tuple[A, Success]:
        """Repeats the request until it has a complete answer or has used up its policy."""
        failures = throttlings = 0
        while True:
            async with self._slots:
                await self._pacer.wait_for_room()
                outcome = await self._try(path, url)
            if isinstance(outcome, Success):
                parsed = parse(path, shape, outcome.body)
                if isinstance(parsed, tuple):
                    return parsed[0], outcome
                outcome = parsed
            if isinstance(outcome, CanvasError):
                raise outcome
            throttlings += outcome.throttled
            failures += not outcome.throttled
            wait = self._pacer.seconds_before_retry(throttlings if outcome.throttled else failures, outcome)
            if throttlings > self._policy.throttlings:
                raise CanvasAway(f"{endpoint(path)}: gave up after {throttlings} times of {outcome.why}")
            if failures >= self._policy.tries:
                raise CanvasAway(f"{endpoint(path)}: gave up after {failures} tries; the last one failed: {outcome.why}")
            _logger.info("canvas_retry", path=path, why=outcome.why, seconds=round(wait, 3))
            if outcome.throttled:
                self._pacer.hold(wait)
            else:
                await self._clock.sleep(wait)

    async def _try(self, path: str, url: URL) -> Success | Retryable | CanvasError:
        """One request, with its redirects. Returns errors: raised ones would carry aiohttp's, which hold the token."""
        assert self._session is not None, "the client is used inside `async with`"
        requested_at = self._clock.now()
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}", "Accept": _ACCEPT, "User-Agent": "outcomes"}
        try:
            for _ in range(REDIRECTS + 1):
                if not self._is_ours(url):
                    return CanvasSurprise(f"{endpoint(path)}: Canvas points to another address; check OUTCOMES_CANVAS_URL")
                self.requests += 1
                async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                    target = response.headers.get("Location")
                    if response.status not in (301, 302, 303, 307, 308) or target is None:
                        return await self._read(path, url, response, requested_at)
                    url = url.join(URL(target, encoded=True))
        except TimeoutError:
            return Retryable(f"no complete answer within {self._seconds:g} seconds")
        except (aiohttp.ClientError, OSError) as error:
            return Retryable(_CONNECTION_ERRORS.get(type(error).__name__, f"the connection failed ({type(error).__name__})"))
        except ValueError:
            return CanvasSurprise(f"{endpoint(path)}: Canvas points to an invalid address")
        return CanvasSurprise(f"{endpoint(path)}: more than {REDIRECTS} redirects")

    def _is_ours(self, url: URL) -> bool:
        """Whether the token may go there."""
        return url.absolute and url.user is None and url.password is None and url.origin() == self._base.origin()

    async def _read(
        self, path: str, url: URL, response: aiohttp.ClientResponse, requested_at: datetime
    ) -> Success | Retryable | CanvasError:
        if response.status == 200:
            self._pacer.note_bucket(response.headers)
        if (sent_at := date(response.headers.get("Date", ""))) is not None:
            self.ahead_seconds = max(self.ahead_seconds, (requested_at - sent_at).total_seconds() - 1)
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return CanvasSurprise(f"{endpoint(path)}: an answer of more than {MAX_BODY_BYTES // 1024 // 1024} MB")
        failed = failure(path, response.status, response.headers, bytes(body), requested_at, self._clock.now())
        if failed is not None:
            return failed
        link = next_link(response.headers.getall("Link", []))
        return Success(bytes(body), None if link is None else url.join(URL(link, encoded=True)), requested_at)
