"""Canvas' gradebook of learning mastery, answered from the projection. Published as "Outcome Results"."""

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Query, Response

from consumer.query.members import Member
from consumer.serve.api import gradebook_shapes as shapes
from consumer.serve.api.dependencies import (
    PAGED,
    CourseAt,
    Id,
    OutcomeIds,
    Paged,
    UserIds,
    bad_request,
)
from consumer.serve.api.gradebook_rows import Exclude, Gradebook, SectionId, gradebook_of
from consumer.serve.api.gradebook_shapes import Stat
from consumer.serve.api.linked import LINKED, linked
from consumer.serve.api.ordering import Sorting
from consumer.serve.api.paging import pagination
from consumer.serve.api.reports import AddDefaults
from consumer.serve.api.serializers import Json
from consumer.serve.sql import sql
from schemas import rest_gradebook

router = APIRouter(tags=["Outcome Results"])

RollupInclude: TypeAlias = Literal["courses", "users"] | LINKED
ResultInclude: TypeAlias = Literal["users"] | LINKED
_INCLUDE = Query(alias="include[]", max_length=20, description="Also these, under `linked`.")
OutcomeGroupId = Annotated[Id | None, Query(description="The outcomes of this group of the course, without those below it.")]


@router.get("/api/v1/courses/{course_id}/outcome_results", response_model=rest_gradebook.OutcomeResults, responses=PAGED)
async def outcome_results(
    request: CourseAt,
    page: Paged,
    user_ids: UserIds = None,
    section_id: SectionId = None,
    outcome_ids: OutcomeIds = None,
    include: Annotated[list[ResultInclude] | None, _INCLUDE] = None,
    include_hidden: Annotated[  # noqa: ARG001 - accepted as Canvas does
        bool, Query(description="Has no effect: no event tells which results are hidden.")
    ] = False,
) -> Response:
    """List the results of a course: active, scored or not yet, without those of removed alignments.

    By the name that Canvas sorts by, where names are stored, else by user id, unknown ids last; then by outcome and result. A
    student or an outcome that the course has not is a 400.
    """
    book = await gradebook_of(request, user_ids, section_id, (), outcome_ids, whole=bool(include))
    names = await book.names()
    in_order = [key for _, key in names.of] if names.stored else book.keys
    of = *request.of_id, in_order, outcome_ids, page.size, page.offset
    rows = await request.pool.fetch(sql("results"), *of)
    answer: Json = {"outcome_results": [shapes.result(row, book.student_of(row["user_uuid"])) for row in rows]}
    if include:
        seen = list(dict.fromkeys(book.student_of(row["user_uuid"]) for row in rows))
        answer["linked"] = await linked(request, book, include, seen)
    return request.page(answer, page, rows)


@router.get("/api/v1/courses/{course_id}/outcome_rollups", response_model=rest_gradebook.OutcomeRollups, responses=PAGED)
async def outcome_rollups(
    request: CourseAt,
    page: Paged,
    sort: Sorting,
    user_ids: UserIds = None,
    section_id: SectionId = None,
    outcome_ids: OutcomeIds = None,
    outcome_group_id: OutcomeGroupId = None,
    exclude: Exclude = None,
    include: Annotated[list[RollupInclude] | None, _INCLUDE] = None,
    aggregate: Annotated[Literal["course"] | None, Query(description="One rollup over the students of the course.")] = None,
    aggregate_stat: Annotated[Stat, Query(description="Of the aggregate; the mean has 2 decimals.")] = "mean",
    rating_percents: Annotated[
        bool, Query(description="With `include[]=outcomes`: how many of a hundred students are on each level.")
    ] = False,
    add_defaults: AddDefaults = False,
) -> Response:
    """List the scores of a course's students, by student or as an aggregate.

    A student has a row for each enrolment that is not deleted. Somebody of whom no enrolment is known has one without a
    section, as long as there are results. A page has the rows of its students alone; without `sort_by` Canvas sends the rows
    of all students with each page. Without `sort_by` the order is by user id, unknown ids last. A student or an outcome that
    the course has not is a 400.
    """
    asked = set(include or ())
    book = await gradebook_of(request, user_ids, section_id, exclude or (), outcome_ids, outcome_group_id, whole=bool(asked))
    if ("courses" if aggregate is None else "users") in asked:
        raise bad_request("include[]: courses goes with aggregate=course, and users without it")
    if aggregate is not None and sort.by is not None:
        raise bad_request("sort_by: an aggregate has nobody to sort")
    if aggregate is not None:
        of = *request.of_id, book.keys, book.outcome_ids
        answer = shapes.aggregate(await request.pool.fetch(sql("aggregate"), *of), request.context_id, aggregate_stat)
        students: Sequence[Member] = ()
    else:
        ordered = await sort.sorted(book)
        students = ordered[page.offset : page.offset + page.size]
        answer = shapes.rollups(students, await _scores(book, students))
        answer["meta"] = {"pagination": pagination(str(request.http.url), page, len(ordered))}
    if asked:
        answer["linked"] = await linked(request, book, asked, students, percents=rating_percents, defaults=add_defaults)
    if aggregate is not None:
        return request.answer(answer)
    return request.page(answer, page, [], total=len(ordered))


async def _scores(book: Gradebook, students: Sequence[Member]) -> dict[Member, str]:
    """JSON by student. Two halves at once take little more than half as long as the whole."""
    middle = (len(students) + 1) // 2
    uuids = [one.key for one in students]
    halves = [half for half in (uuids[:middle], uuids[middle:]) if half]
    fetch, of = book.request.pool.fetch, book.request.of_id
    found = await asyncio.gather(*(fetch(sql("rollups"), *of, half, book.outcome_ids) for half in halves))
    return {book.student_of(row["user_uuid"]): row["scores"] for row in chain.from_iterable(found)}
