"""What a request asks: its parameters, its tenant, its course or account, its moment."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, NewType

import orjson
from fastapi import Depends, Path, Query, Request, Response
from pydantic import BeforeValidator, WithJsonSchema
from starlette.exceptions import HTTPException

from consumer.printable import has_controls
from consumer.serve.api.paging import DEFAULT_SIZE, LAST_PAGE, Page, links
from consumer.serve.api.serializers import with_string_ids
from consumer.serve.reading import Reading, Row
from schemas.base import MAX_ID, MAX_KEY_TEXT, SHARD, local_id, time_of

STRING_IDS = "application/json+canvas-string-ids"
NOT_THERE = "The specified resource does not exist."
"""Canvas' own words."""

Tenant = NewType("Tenant", str)

_ID = re.compile(r"0*[1-9][0-9]{0,18}", re.ASCII)
_ACROSS_SHARDS = re.compile(r"([1-9][0-9]{0,5})~([1-9][0-9]{0,12})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SELF, _UUID = "self", "uuid:"
_MOST_IDS = 1000
"""Ids of one parameter, at most."""


def not_there() -> HTTPException:
    """404, as Canvas says it."""
    return HTTPException(404, NOT_THERE)


def wrong(sentence: str) -> HTTPException:
    """400, with what is wrong."""
    return HTTPException(400, sentence)


def _whole(value: object) -> int:
    text = str(value)
    whole = 0
    if found := _ACROSS_SHARDS.fullmatch(text):
        whole = int(found[1]) * SHARD + int(found[2])
    elif _ID.fullmatch(text):
        whole = int(text)
    if not 0 < whole <= MAX_ID:
        raise ValueError("an id is a whole number from 1 to 2^63-1")
    return whole


def _account(value: object) -> int:
    return 0 if str(value) == _SELF else _whole(value)


def _moment(value: object) -> datetime:
    text = str(value)
    try:
        return time_of(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
    except ValueError as error:
        hint = "; a + in an address is a blank: write %2B" if _had_a_plus(text) else ""
        raise ValueError(f"a moment is a time with a zone, such as 2025-03-20T15:04:05Z, or a date in UTC{hint}") from error


def _had_a_plus(text: str) -> bool:
    """Whether it is a time once its last blank is a plus sign again, as it was before the query was read."""
    try:
        time_of("+".join(text.rsplit(" ", 1)))
    except ValueError:
        return False
    return True


def _user(value: object) -> str:
    """A user as a request names one, by local id or by what results call one: `501`, `uuid:...`."""
    text = str(value)
    if text.startswith(_UUID):
        uuid = text.removeprefix(_UUID)
        if not uuid or len(uuid) > MAX_KEY_TEXT or has_controls(uuid):
            raise ValueError("a uuid has 1 to 255 characters, and no control characters among them")
        return text
    return str(_whole(text.removeprefix("id:")))


_ID_SCHEMA = {"type": "string", "pattern": "^(0*[1-9][0-9]{0,17}|[1-9][0-9]{0,4}~[1-9][0-9]{0,12})$"}
_USER_SCHEMA = {"type": "string", "pattern": "^(0*[1-9][0-9]{0,11}|(uuid|id):[0-9A-Za-z]{1,12})$"}

Id = Annotated[int, BeforeValidator(_whole), WithJsonSchema(_ID_SCHEMA)]
CourseId = Annotated[
    int, BeforeValidator(_whole), WithJsonSchema(_ID_SCHEMA), Path(description="Local or global id of the course.")
]
AccountId = Annotated[
    int,
    BeforeValidator(_account),
    WithJsonSchema(_ID_SCHEMA | {"pattern": f"^(self|{_ID_SCHEMA['pattern'].strip('^$')})$"}),
    Path(description="Local or global id of the account; `self` is the root account."),
]
At = Annotated[
    Annotated[
        datetime,
        BeforeValidator(_moment),
        WithJsonSchema({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}),
    ]
    | None,
    Query(description="As it was then: ISO 8601 with a zone, or a date in UTC. Not in Canvas. Now where absent."),
]
_AnId = Annotated[int, BeforeValidator(_whole), WithJsonSchema(_ID_SCHEMA)]
_AUser = Annotated[str, BeforeValidator(_user), WithJsonSchema(_USER_SCHEMA)]
UserIds = Annotated[
    list[_AUser] | None,
    Query(alias="user_ids[]", max_length=_MOST_IDS, description="These students: ids, or `uuid:` and the events' user_uuid."),
]
OutcomeIds = Annotated[list[_AnId] | None, Query(alias="outcome_ids[]", max_length=_MOST_IDS, description="These outcomes.")]
StudentId = Annotated[_AUser | None, Query(description="The student: an id, or `uuid:` and the events' user_uuid.")]
TheStudent = Annotated[
    _AUser, Query(alias="student_id", description="The student: an id, or `uuid:` and the events' user_uuid.")
]
TheOutcome = Annotated[_AnId, Query(alias="outcome_id", description="The outcome.")]
AssignmentId = Annotated[_AnId | None, Query(description="The assignment.")]


async def _page(
    page: Annotated[int, Query(ge=1, le=LAST_PAGE, description="Which page.")] = 1,
    per_page: Annotated[int, Query(ge=1, description="Items of a page; more than 100 is cut to 100.")] = DEFAULT_SIZE,
) -> Page:
    return Page.asked(page, per_page)


Paged = Annotated[Page, Depends(_page)]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a known tenant."""

    request: Request
    reading: Reading
    tenant: Tenant
    at: datetime | None

    def answer(self, value: Any, *, exact_times: bool = False) -> Response:
        """The answer as JSON, its ids as they were asked for. Times in UTC, whole seconds as Canvas has them unless exact."""
        if any(STRING_IDS in accepted for accepted in self.request.headers.getlist("accept")):
            value = with_string_ids(value)
        option = orjson.OPT_UTC_Z | (0 if exact_times else orjson.OPT_OMIT_MICROSECONDS)
        return Response(orjson.dumps(value, option=option), media_type="application/json")

    def page(
        self, value: Any, page: Page, rows: Sequence[Row], *, total: int | None = None, exact_times: bool = False
    ) -> Response:
        """One page of a list, with links to the others. Rows know the list's `total`; without rows it is not known."""
        answer = self.answer(value, exact_times=exact_times)
        if total is None and rows:
            total = rows[0]["total"]
        elif total is None and page.number == 1:
            total = 0
        answer.headers["Link"] = links(str(self.request.url), page, total)
        return answer

    async def users(self, asked: Sequence[str] | None) -> list[str] | None:
        """What results call these users; None where none were named. Refuses names of filters that would filter nothing."""
        for name in self.request.query_params:
            if name.partition("[")[0] in ("user_ids", "outcome_ids") and not name.endswith("[]"):
                raise wrong(f"{name}: {name.partition('[')[0]}[] is expected, once for each id")
        if asked is None:
            return None
        whole = [int(one) for one in asked if not one.startswith(_UUID)]
        shard = await _shard(self.reading, self.tenant) if any(one >= SHARD for one in whole) else None
        ids = [local_id(one) if one // SHARD == shard else one for one in whole]  # users of other shards keep their whole id
        uuids = [one.removeprefix(_UUID) for one in asked if one.startswith(_UUID)]
        return [row["user_uuid"] for row in await self.reading.rows("users", self.tenant, ids, uuids)]

    def refuse(self, *filters: str) -> None:
        """400 where any of these is asked for: Canvas has them, and whoever filters in vain is told of more than they asked."""
        for name in self.request.query_params:
            if name.removesuffix("[]") in filters:
                raise wrong(f"{name}: nothing is known here by which this could be filtered")


@dataclass(frozen=True, slots=True)
class InContext(Asked):
    """A request about a course or an account that is known, and not deleted."""

    context_type: str
    context_id: int
    told: Row
    """What the statement about the context has told besides."""

    @property
    def context(self) -> tuple[str, str, int, datetime | None]:
        """What statements about a context take first."""
        return self.tenant, self.context_type, self.context_id, self.at


def tenant_of(request: Request) -> Tenant:
    """The tenant that the request's token opens; the door has put it there."""
    return Tenant(request.state.tenant)


def reading_of(request: Request) -> Reading:
    """The server's way to the projection."""
    reading: Reading = request.app.state.reading
    return reading


def refuse_forgotten(at: datetime | None, begins: datetime | None) -> None:
    """400 for a moment before history begins: an answer from what is left of it would be wrong."""
    if at is not None and begins is not None and at < begins:
        raise wrong(f"history begins at {begins:%Y-%m-%dT%H:%M:%SZ}: what was before has been retired")


async def _anywhere(request: Request, at: At = None) -> Asked:
    asked = Asked(request, reading_of(request), tenant_of(request), at)
    if at is not None:
        (begins,) = await asked.reading.told("history_begins", of=asked.tenant)
        refuse_forgotten(at, begins["at"])
    return asked


async def _shard(reading: Reading, tenant: Tenant) -> int | None:
    """None where nothing has told it."""
    (row,) = await reading.told("shard", tenant)
    shard: int | None = row["shard"]
    return shard


async def _in(
    request: Request, context_type: str, context_id: int | None, at: datetime | None, statement: str = "context"
) -> InContext:
    reading, tenant = reading_of(request), tenant_of(request)
    if context_id is not None and context_id >= SHARD:
        if context_id // SHARD != await _shard(reading, tenant):
            raise not_there()
        context_id = local_id(context_id)
    row = await reading.row(statement, tenant, context_type, context_id, at)
    assert row is not None
    refuse_forgotten(at, row["begins"])
    known = row["known"]
    if known is None:
        named = await reading.row("named", tenant, context_type, row["id"], at)
        known = named is not None and named["known"]
    if not known:
        raise not_there()
    return InContext(request, reading, tenant, at, context_type, row["id"], row)


async def _in_course(request: Request, course_id: CourseId, at: At = None) -> InContext:
    return await _in(request, "Course", course_id, at)


async def _in_account(request: Request, account_id: AccountId, at: At = None) -> InContext:
    return await _in(request, "Account", account_id or None, at)


async def _scale_of_course(request: Request, course_id: CourseId, at: At = None) -> InContext:
    return await _in(request, "Course", course_id, at, "proficiency")


async def _scale_of_account(request: Request, account_id: AccountId, at: At = None) -> InContext:
    return await _in(request, "Account", account_id or None, at, "proficiency")


async def _of_course(request: Request, course_id: CourseId) -> InContext:
    return await _in(request, "Course", course_id, None)


async def _of_account(request: Request, account_id: AccountId) -> InContext:
    return await _in(request, "Account", account_id or None, None)


Anywhere = Annotated[Asked, Depends(_anywhere)]
InCourse = Annotated[InContext, Depends(_in_course)]
InAccount = Annotated[InContext, Depends(_in_account)]
ScaleOfCourse = Annotated[InContext, Depends(_scale_of_course)]
"""With the ratings of the scale that applies, in `told`."""
ScaleOfAccount = Annotated[InContext, Depends(_scale_of_account)]
OfCourse = Annotated[InContext, Depends(_of_course)]
"""Without `at`: for questions about all moments."""
OfAccount = Annotated[InContext, Depends(_of_account)]


async def of_the_tenant(request: Request) -> Asked:
    """A request about all moments."""
    return Asked(request, reading_of(request), tenant_of(request), None)


Anytime = Annotated[Asked, Depends(of_the_tenant)]
