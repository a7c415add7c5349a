"""What a request asks: its parameters, its tenant, its course or account, its moment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NewType, TypeAlias

import orjson
from fastapi import Depends, Path, Query, Request, Response
from fastapi.dependencies.models import Dependant
from pydantic import BeforeValidator, WithJsonSchema
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException

from consumer.query.sql import sql as query_sql
from consumer.rights.viewer import Sight, Viewer
from consumer.serve.access.narrowing import sees_place, sight_of_account, sights_of_courses, students_in
from consumer.serve.access.paths import NARROWED
from consumer.serve.api.paging import DEFAULT_SIZE, LAST_PAGE, Page, links
from consumer.serve.api.parsing import ROOT, UUID, parse_account_id, parse_id, parse_time, parse_user
from consumer.serve.api.serializers import with_string_ids
from consumer.serve.read_pool import SHOWS_NAMES, ReadPool, Row
from consumer.serve.sql import sql
from schemas.base import MAX_KEY_TEXT, SHARD, local_id

STRING_IDS = "application/json+canvas-string-ids"
NOT_FOUND = "The specified resource does not exist."
"""Canvas' own words."""

Tenant = NewType("Tenant", str)
ContextType: TypeAlias = Literal["Account", "Course"]
Context: TypeAlias = tuple[ContextType, int]
"""A course or account: its type and its id."""

_MAX_IDS = 1000
"""Ids of one parameter."""
_ANYWHERE = ("access_token",)
"""Opens nothing, and changes nothing."""


def not_found() -> HTTPException:
    """404, as Canvas says it."""
    return HTTPException(404, NOT_FOUND)


def bad_request(message: str) -> HTTPException:
    """400, with what is wrong."""
    return HTTPException(400, message)


# -- parameters --


_ID_SCHEMA = {"type": "string", "pattern": "^(0*[1-9][0-9]{0,17}|[1-9][0-9]{0,4}~[1-9][0-9]{0,12})$"}
_ACCOUNT_SCHEMA = _ID_SCHEMA | {"pattern": f"^(self|{_ID_SCHEMA['pattern'].strip('^$')})$"}
_USER_SCHEMA = {"type": "string", "pattern": "^(0*[1-9][0-9]{0,11}|(uuid|id):[0-9A-Za-z]{1,12})$"}
_USER = "The student: an id, or `uuid:` and the events' user_uuid."

Id = Annotated[int, BeforeValidator(parse_id), WithJsonSchema(_ID_SCHEMA)]
_AccountId = Annotated[int, BeforeValidator(parse_account_id), WithJsonSchema(_ACCOUNT_SCHEMA)]
CourseId = Annotated[Id, Path(description="Local or global id of the course.")]
AccountId = Annotated[_AccountId, Path(description="Local or global id of the account; `self` is the root account.")]
ContextId = Annotated[
    _AccountId, Path(description="Local or global id of the account or course; of accounts, `self` is the root account.")
]


class _ContextsConvertor(StringConvertor):
    regex = "accounts|courses"


register_url_convertor("contexts", _ContextsConvertor())
CONTEXT = "/{contexts:contexts}/{context_id}"
"""Begins the paths about an account or a course. Any other word there is a path without a route."""
Contexts = Annotated[Literal["accounts", "courses"], Path(description="Whether the id is an account's or a course's.")]
_Time = Annotated[
    datetime,
    BeforeValidator(parse_time),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}),
]
At = Annotated[
    _Time | None,
    Query(description="As it was then: ISO 8601 with a zone, or a date in UTC. Not in Canvas. Now where absent."),
]
_User = Annotated[str, BeforeValidator(parse_user), WithJsonSchema(_USER_SCHEMA)]
UserIds = Annotated[
    list[_User] | None,
    Query(alias="user_ids[]", max_length=_MAX_IDS, description="These students: ids, or `uuid:` and the events' user_uuid."),
]
StudentIds = Annotated[
    list[_User] | None,
    Query(alias="student_ids[]", max_length=_MAX_IDS, description="These students, as `user_ids[]` elsewhere."),
]
OutcomeIds = Annotated[list[Id] | None, Query(alias="outcome_ids[]", max_length=_MAX_IDS, description="These outcomes.")]
IdList = Annotated[list[Id] | None, Query(max_length=_MAX_IDS)]
SearchTerm = Annotated[
    str | None, Query(min_length=2, max_length=MAX_KEY_TEXT, pattern="^[^\\x00]*$", description="Whose name holds this text.")
]
UserName = _User
"""A user in a path."""
StudentId = Annotated[_User | None, Query(description=_USER)]
RequiredStudentId = Annotated[_User, Query(alias="student_id", description=_USER)]
RequiredOutcomeId = Annotated[Id, Query(alias="outcome_id", description="The outcome.")]
AssignmentId = Annotated[Id | None, Query(description="The assignment.")]


def _query_parameters(dependant: Dependant) -> Iterator[str]:
    """Of a route, and of what it depends on."""
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _query_parameters(inner)


async def refuse_unknown(request: Request) -> None:
    """Rejects parameters that the route does not declare: ignoring one would answer another question."""
    declared = set(_query_parameters(request.scope["route"].dependant))
    for name in request.query_params:
        if name not in declared and name not in _ANYWHERE:
            as_list = f"{name.partition('[')[0]}[]"
            hint = (
                f"{as_list} is expected, once for each value"
                if as_list in declared
                else "is not answered here, even where Canvas does"
            )
            raise bad_request(f"{name}: {hint}")


async def _page(
    page: Annotated[int, Query(ge=1, le=LAST_PAGE, description="Which page.")] = 1,
    per_page: Annotated[int, Query(ge=1, description="Items of a page; more than 100 is cut to 100.")] = DEFAULT_SIZE,
) -> Page:
    return Page.limited(page, per_page)


Paged = Annotated[Page, Depends(_page)]
PAGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"Link": {"description": "Addresses of the other pages (RFC 8288).", "schema": {"type": "string"}}}}
}
"""What the document says of lists."""


# -- requests --


@dataclass(frozen=True, slots=True)
class TenantRequest:
    """A request of somebody who may see something of a tenant."""

    http: Request
    pool: ReadPool
    viewer: Viewer
    at: datetime | None

    @property
    def tenant(self) -> Tenant:
        """Whose data the viewer may see."""
        return Tenant(self.viewer.tenant)

    @property
    def moment(self) -> datetime:
        """That is asked for; else now."""
        return self.at or datetime.now(UTC)

    def answer(self, value: Any, *, exact_times: bool = False) -> Response:
        """The answer as JSON, ids as the request accepts them. Times in UTC, whole seconds as in Canvas unless exact."""
        if any(STRING_IDS in accepted for accepted in self.http.headers.getlist("accept")):
            value = with_string_ids(value)
        option = orjson.OPT_UTC_Z | (0 if exact_times else orjson.OPT_OMIT_MICROSECONDS)
        return Response(orjson.dumps(value, option=option), media_type="application/json")

    def page(
        self, value: Any, page: Page, rows: Sequence[Row], *, total: int | None = None, exact_times: bool = False
    ) -> Response:
        """One page of a list, with links to the others. Each row has the list's `total`; without rows it is not known."""
        answer = self.answer(value, exact_times=exact_times)
        if total is None and rows:
            total = rows[0]["total"]
        elif total is None and page.number == 1:
            total = 0
        answer.headers["Link"] = links(str(self.http.url), page, total)
        return answer

    async def user_id(self, id_: int) -> int:
        """The id of a user as the projection has it: local, whole for users of other shards."""
        return local_id(id_) if id_ >= SHARD and id_ // SHARD == await _shard(self.pool, self.tenant) else id_

    async def people(self, named: Sequence[str]) -> list[int | str]:
        """The ids and uuids that these names stand for, as the projection has them."""
        return [one.removeprefix(UUID) if one.startswith(UUID) else await self.user_id(int(one)) for one in named]

    async def users(self, named: Sequence[str] | None) -> list[str] | None:
        """The names that results use for these users; None where the request names none."""
        if named is None:
            return None
        people = await self.people(named)
        ids = [one for one in people if isinstance(one, int)]
        uuids = [one for one in people if isinstance(one, str)]
        return [row["user_uuid"] for row in await self.pool.fetch(sql("users"), self.tenant, ids, uuids)]

    async def sights(self, courses: Sequence[int]) -> dict[int, Sight]:
        """How much of these courses the viewer may see; those of which nothing are left out."""
        return await sights_of_courses(self.pool, self.viewer, courses)

    async def places(self) -> tuple[list[int], list[int]]:
        """The accounts that are the viewer's with all below, and the courses that are so by themselves, in whole or in part."""
        root = await self.root_id() if self.viewer.sees_all else None
        return sorted(self.viewer.accounts) if root is None else [root], sorted(self.viewer.courses)

    async def sees(self, row: Row) -> bool:
        """Whether the viewer may see an outcome, a group or a link, by the place that it is of."""
        return await sees_place(self.pool, self.viewer, row["context_type"], row["context_id"])

    async def root_id(self) -> int | None:
        """Of the root account; None where nothing has told it."""
        row = await self.pool.fetch_row(sql("account"), self.tenant, 0, self.at)
        assert row is not None
        root_id: int | None = row["root_id"]
        return root_id

    async def own_id(self, id_: int) -> int:
        """The local id of a global one; 404 where that is of another shard."""
        if id_ >= SHARD and id_ // SHARD != await _shard(self.pool, self.tenant):
            raise not_found()
        return local_id(id_)


@dataclass(frozen=True, slots=True)
class ContextRequest(TenantRequest):
    """A request about a course or an account that is known, and not deleted."""

    context_type: ContextType
    context_id: int
    row: Row
    """Of the statement that found the context."""
    sight: Sight
    """How much of it the viewer may see."""

    @property
    def context(self) -> Context:
        """Its type and its local id."""
        return self.context_type, self.context_id

    async def users(self, named: Sequence[str] | None) -> list[str] | None:
        """As for a tenant, without those whom the viewer may not see."""
        found = await TenantRequest.users(self, named)
        if found is None or self.sight.sections is None:
            return found
        seen = await students_in(self.pool, self.of_id, self.sight)
        return [one for one in found if one in seen]

    @property
    def of_context(self) -> tuple[Tenant, ContextType, int, datetime | None]:
        """The first arguments of statements about a course or an account."""
        return self.tenant, self.context_type, self.context_id, self.at

    @property
    def of_id(self) -> tuple[Tenant, int, datetime | None]:
        """The first arguments of statements about courses alone, or accounts alone."""
        return self.tenant, self.context_id, self.at


def _pool(request: Request) -> ReadPool:
    pool: ReadPool = request.app.state.pool
    return pool


def _refuse_retired(at: datetime | None, begins: datetime | None) -> None:
    """400 for a moment before history begins: what is left from then would give a wrong answer."""
    if at is not None and begins is not None and at < begins:
        raise bad_request(f"history begins at {begins:%Y-%m-%dT%H:%M:%SZ}: what was before has been retired")


def _by_viewer(request: Request, at: datetime | None = None) -> TenantRequest:
    viewer: Viewer = request.state.viewer
    SHOWS_NAMES.set(viewer.sees_names)
    return TenantRequest(request, _pool(request), viewer, at)


def _refuse_where_not_narrowed(request: Request, sees_all: bool) -> None:
    if not sees_all and request.scope["route"].path not in NARROWED:
        raise HTTPException(403, "this shows more than you may see: all of the institution, or all of the course")


async def _tenant_all_time(request: Request) -> TenantRequest:
    found = _by_viewer(request)
    _refuse_where_not_narrowed(request, found.viewer.sees_all)
    return found


async def _tenant_at(request: Request, at: At = None) -> TenantRequest:
    found = replace(await _tenant_all_time(request), at=at)
    if at is not None:
        (row,) = await found.pool.fetch(query_sql("history_begins"), tenant=found.tenant)
        _refuse_retired(at, row["at"])
    return found


async def _shard(pool: ReadPool, tenant: Tenant) -> int | None:
    """None where no event has told it."""
    (row,) = await pool.fetch(query_sql("shard"), tenant)
    shard: int | None = row["shard"]
    return shard


async def _find(request: Request, context: Context, at: datetime | None = None, statement: str = "context") -> ContextRequest:
    """Here rights hold. Raises 404 where no event names the context, it is deleted, or nothing of it is the viewer's."""
    asked = _by_viewer(request, at)
    pool, tenant, viewer = asked.pool, asked.tenant, asked.viewer
    context_type, context_id = context
    context_id = await asked.own_id(context_id)
    row = await pool.fetch_row(sql(statement), tenant, context_type, None if context_id == ROOT else context_id, at)
    assert row is not None
    _refuse_retired(at, row["begins"])
    known = row["known"]
    if known is None:
        named = await pool.fetch_row(sql("named"), tenant, context_type, row["id"], at)
        known = named is not None and named["known"]
    if not known:
        raise not_found()
    id_ = row["id"]
    sight = (await asked.sights([id_])).get(id_) if context_type == "Course" else await sight_of_account(pool, viewer, id_)
    if sight is None:
        raise not_found()
    _refuse_where_not_narrowed(request, sight.sections is None)
    SHOWS_NAMES.set(sight.names)
    return ContextRequest(request, pool, viewer, at, context_type, id_, row, sight)


async def _context(contexts: Contexts, context_id: ContextId) -> Context:
    if contexts == "courses" and context_id == ROOT:
        raise not_found()
    return "Account" if contexts == "accounts" else "Course", context_id


async def _context_at(request: Request, context: Annotated[Context, Depends(_context)], at: At = None) -> ContextRequest:
    return await _find(request, context, at)


async def _scale_at(request: Request, context: Annotated[Context, Depends(_context)], at: At = None) -> ContextRequest:
    return await _find(request, context, at, "proficiency")


async def _context_all_time(request: Request, context: Annotated[Context, Depends(_context)]) -> ContextRequest:
    return await _find(request, context)


async def _course_at(request: Request, course_id: CourseId, at: At = None) -> ContextRequest:
    return await _find(request, ("Course", course_id), at)


async def _course_all_time(request: Request, course_id: CourseId) -> ContextRequest:
    return await _find(request, ("Course", course_id))


async def _account_at(request: Request, account_id: AccountId, at: At = None) -> ContextRequest:
    return await _find(request, ("Account", account_id), at)


TenantAt = Annotated[TenantRequest, Depends(_tenant_at)]
TenantAllTime = Annotated[TenantRequest, Depends(_tenant_all_time)]
"""Without `at`: about all moments, or a write."""
ContextAt = Annotated[ContextRequest, Depends(_context_at)]
ScaleAt = Annotated[ContextRequest, Depends(_scale_at)]
"""Its `row` has the ratings of the scale that applies."""
ContextAllTime = Annotated[ContextRequest, Depends(_context_all_time)]
CourseAt = Annotated[ContextRequest, Depends(_course_at)]
CourseAllTime = Annotated[ContextRequest, Depends(_course_all_time)]
AccountAt = Annotated[ContextRequest, Depends(_account_at)]
