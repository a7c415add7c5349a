"""Canvas' users and enrolments, answered from the projection. Published as "Users", "Enrollments", "Courses"."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, Query, Response

from consumer.serve.api import people_shapes as shapes
from consumer.serve.api.dependencies import (
    PAGED,
    ContextRequest,
    CourseAt,
    Id,
    IdList,
    Paged,
    SearchTerm,
    TenantAt,
    TenantRequest,
    bad_request,
    not_found,
)
from consumer.serve.api.naming import Names, names_of
from consumer.serve.api.paging import Page
from consumer.serve.api.serializers import Json
from consumer.serve.read_pool import Row
from consumer.serve.sql import sql
from schemas import rest_gradebook, rest_people

router = APIRouter(prefix="/api/v1")

_TYPES = {
    "student": "StudentEnrollment",
    "student_view": "StudentViewEnrollment",
    "teacher": "TeacherEnrollment",
    "ta": "TaEnrollment",
    "observer": "ObserverEnrollment",
    "designer": "DesignerEnrollment",
}
_TEST_STUDENT = _TYPES["student_view"]
_CURRENT = ("active", "invited")
"""The states where the request names none."""
_Type: TypeAlias = Literal["student", "student_view", "teacher", "ta", "observer", "designer"]
_StoredType: TypeAlias = Literal[
    "StudentEnrollment",
    "StudentViewEnrollment",
    "TeacherEnrollment",
    "TaEnrollment",
    "ObserverEnrollment",
    "DesignerEnrollment",
]
_State: TypeAlias = Literal["active", "invited", "creation_pending", "rejected", "completed", "inactive"]
_Include: TypeAlias = Literal["enrollments", "uuid", "test_student"]
UserInclude = Annotated[
    list[_Include] | None,
    Query(alias="include[]", max_length=10, description="Also the enrolments, the uuids, the course's test student."),
]
UuidInclude = Annotated[list[Literal["uuid"]] | None, Query(alias="include[]", max_length=10, description="Also the uuids.")]


async def _enrollments(request: ContextRequest, user_id: int | None = None) -> Sequence[Row]:
    """All of a course, or of one user there; deleted ones too."""
    return await enrollments_in(request, [request.context_id], user_id)


async def enrollments_in(request: TenantRequest, courses: Sequence[int], user_id: int | None = None) -> Sequence[Row]:
    """All of some courses that the viewer may see, or of one user there; deleted ones too."""
    sights = await request.sights(courses)
    rows = await request.pool.fetch(sql("course_enrollments"), request.tenant, list(sights), request.at, user_id)
    return [row for row in rows if sights[row["course_id"]].shows(row["course_section_id"])]


async def section_of(request: TenantRequest, course_id: int | None, id_: int, *, count: bool = False) -> Row:
    """A section, of a course or of any, with its number of students. 404 where there is none, or it is not the viewer's."""
    row = await request.pool.fetch_row(sql("sections"), request.tenant, course_id, request.at, id_, count, 1, 0)
    sight = (await request.sights([row["course_id"]])).get(row["course_id"]) if row is not None else None
    if row is None or sight is None or not sight.shows(id_):
        raise not_found()
    return row


async def total_students(request: ContextRequest) -> int:
    """How many students are in a course, active or invited."""
    rows = await _enrollments(request)
    return len({row["user_id"] for row in rows if row["type"] == _TYPES["student"] and row["enrollment_state"] in _CURRENT})


@router.get("/courses/{course_id}/users", response_model=list[rest_people.User], responses=PAGED, tags=["Courses"])
@router.get(
    "/courses/{course_id}/search_users", response_model=list[rest_people.User], responses=PAGED, tags=["Courses"], name="search"
)
async def users(
    request: CourseAt,
    page: Paged,
    enrollment_type: Annotated[
        list[_Type] | None,
        Query(alias="enrollment_type[]", max_length=10, description="With such an enrolment; any where absent."),
    ] = None,
    enrollment_state: Annotated[
        list[_State] | None,
        Query(alias="enrollment_state[]", max_length=10, description="In these states; active and invited where absent."),
    ] = None,
    include_inactive: Annotated[bool, Query(description="Also those whose enrolment is inactive.")] = False,
    user_ids: Annotated[IdList, Query(alias="user_ids[]", description="These users.")] = None,
    search_term: SearchTerm = None,
    include: UserInclude = None,
) -> Response:
    """List the users of a course, by the name that Canvas sorts by; the test student only where the request asks for it.

    Where names are not stored, each user has a pseudonym, and `search_term` is refused.
    """
    asked = set(include or ())
    types = {_TYPES[one] for one in enrollment_type or _TYPES}
    if not enrollment_type:
        types.discard(_TEST_STUDENT)
    if "test_student" in asked:
        types.add(_TEST_STUDENT)
    states = {*(enrollment_state or _CURRENT), *(("inactive",) if include_inactive else ())}
    rows = [row for row in await _enrollments(request) if row["type"] in types and row["enrollment_state"] in states]
    of_user = _by_user(rows)
    if user_ids is not None:
        named = {await request.user_id(one) for one in user_ids}
        of_user = {id_: some for id_, some in of_user.items() if id_ in named}
    names = await names_of(request, [(id_, None) for id_ in of_user])
    found = [id_ for id_, _ in names.of if id_ is not None]
    if search_term is not None:
        if not names.stored:
            raise bad_request("search_term: no names are stored here")
        found = [id_ for id_ in found if names.matches((id_, None), search_term)]
    ids = found[page.offset : page.offset + page.size]
    people = await _people(request, ids, names, asked, of_user, request.context_id)
    return request.page(people, page, [], total=len(found))


@router.get("/courses/{course_id}/users/{user_id}", response_model=rest_people.User, tags=["Courses"])
async def user_of_course(request: CourseAt, user_id: Id, include: UserInclude = None) -> Response:
    """Show one user of a course: whoever has an enrolment there that is not deleted."""
    id_ = await request.user_id(user_id)
    of_user = _by_user(row for row in await _enrollments(request) if row["enrollment_state"] != "deleted")
    if id_ not in of_user:
        raise not_found()
    names = await names_of(request, [(one, None) for one in of_user])
    (one,) = await _people(request, [id_], names, set(include or ()), of_user, request.context_id)
    return request.answer(one)


@router.get("/users/{user_id}", response_model=rest_people.User, tags=["Users"])
async def user(request: TenantAt, user_id: Id, include: UuidInclude = None) -> Response:
    """Show one user. A deleted one is shown where it was merged into another."""
    row = await _user(request, user_id)
    names = await names_of(request, [(row["id"], None)])
    return request.answer(shapes.user(row, names.of[row["id"], None], request.tenant, include or ()))


async def _user(request: TenantRequest, user_id: int) -> Row:
    id_ = await request.user_id(user_id)
    (row,) = await request.pool.fetch(sql("user_details"), request.tenant, [id_], request.at, None)
    gone = row["workflow_state"] == "deleted" and row["merged_into_user_id"] is None
    if gone or (row["workflow_state"] is None and row["uuid"] is None):
        raise not_found()
    if not request.viewer.sees_all and not await _enrollments_of(request, id_):
        raise not_found()
    return row


async def _enrollments_of(request: TenantRequest, id_: int) -> Sequence[Row]:
    """In all courses, deleted ones too."""
    courses = [row["id"] for row in await request.pool.fetch(sql("user_courses"), request.tenant, id_)]
    return await enrollments_in(request, courses, id_)


Types = Annotated[list[_StoredType] | None, Query(alias="type[]", max_length=10, description="Of these types.")]
States = Annotated[
    list[_State | Literal["deleted"]] | None,
    Query(alias="state[]", max_length=10, description="In these states; active and invited where absent."),
]
OfUser = Annotated[Id | None, Query(description="Of this user.")]


@router.get(
    "/courses/{course_id}/enrollments", response_model=list[rest_people.Enrollment], responses=PAGED, tags=["Enrollments"]
)
async def enrollments(
    request: CourseAt,
    page: Paged,
    type_: Types = None,
    state: States = None,
    user_id: OfUser = None,
    include: UuidInclude = None,
) -> Response:
    """List the enrolments of a course, by type and by the name that Canvas sorts by."""
    rows = await _enrollments(request, None if user_id is None else await request.user_id(user_id))
    return await _listed(request, page, rows, type_, state, include, request.context_id)


@router.get(
    "/sections/{section_id}/enrollments", response_model=list[rest_people.Enrollment], responses=PAGED, tags=["Enrollments"]
)
async def enrollments_of_section(
    request: TenantAt,
    section_id: Id,
    page: Paged,
    type_: Types = None,
    state: States = None,
    user_id: OfUser = None,
    include: UuidInclude = None,
) -> Response:
    """List the enrolments of a section, as those of a course."""
    id_ = await request.own_id(section_id)
    section = await section_of(request, None, id_)
    found = await enrollments_in(request, [section["course_id"]], None if user_id is None else await request.user_id(user_id))
    rows = [row for row in found if row["course_section_id"] == id_]
    return await _listed(request, page, rows, type_, state, include, section["course_id"])


@router.get("/users/{user_id}/enrollments", response_model=list[rest_people.Enrollment], responses=PAGED, tags=["Enrollments"])
async def enrollments_of_user(
    request: TenantAt, user_id: Id, page: Paged, type_: Types = None, state: States = None, include: UuidInclude = None
) -> Response:
    """List the enrolments of a user in all courses, by type and id."""
    id_ = (await _user(request, user_id))["id"]
    return await _listed(request, page, await _enrollments_of(request, id_), type_, state, include, None)


async def _listed(
    request: TenantRequest,
    page: Page,
    rows: Sequence[Row],
    types: Sequence[str] | None,
    states: Sequence[str] | None,
    include: Sequence[str] | None,
    course_id: int | None,
) -> Response:
    states = states or _CURRENT
    rows = [row for row in rows if row["enrollment_state"] in states and row["user_id"] is not None]
    if types is not None:
        rows = [row for row in rows if row["type"] in types]
    names = await names_of(request, {(row["user_id"], None) for row in rows})
    rows.sort(key=lambda row: (row["type"] or "", names.places[row["user_id"], None], row["id"]))
    found = rows[page.offset : page.offset + page.size]
    ids = list({row["user_id"] for row in found})
    people = await _people(request, ids, names, set(include or ()), {}, course_id)
    users_ = dict(zip(ids, people, strict=True))
    root_id = await request.root_id()
    shown = [shapes.enrollment(row, root_id) | {"user": users_[row["user_id"]]} for row in found]
    return request.page(shown, page, [], total=len(rows))


@router.get(
    "/courses/{course_id}/users/{user_id}/lmgb_user_details",
    response_model=rest_gradebook.UserDetails,
    tags=["Outcome Results"],
)
async def lmgb_user_details(request: CourseAt, user_id: Id) -> Response:
    """Show what the gradebook tells of a student of a course: the sections. No event tells the last login."""
    id_ = await request.user_id(user_id)
    rows = [row for row in await _enrollments(request, id_) if row["enrollment_state"] != "deleted"]
    if not rows:
        raise not_found()
    course = await request.pool.fetch_row(sql("course"), *request.of_id)
    assert course is not None
    return request.answer(shapes.user_details(course, rows))


def _by_user(rows: Iterable[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        if row["user_id"] is not None:
            found.setdefault(row["user_id"], []).append(row)
    return found


async def _people(
    request: TenantRequest,
    ids: Sequence[int],
    names: Names,
    asked: set[Any],
    of_user: dict[int, list[Row]],
    course_id: int | None,
) -> list[Json]:
    """These users, in this order."""
    details = {
        row["id"]: row for row in await request.pool.fetch(sql("user_details"), request.tenant, ids, request.at, course_id)
    }
    found = [shapes.user(details[id_], names.of[id_, None], request.tenant, asked) for id_ in ids]
    if "enrollments" in asked:
        root_id = await request.root_id()
        for one, id_ in zip(found, ids, strict=True):
            one["enrollments"] = [shapes.enrollment(row, root_id) for row in of_user[id_]]
    return found
