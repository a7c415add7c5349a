"""Canvas' "Outcome Groups", answered from the projection."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse

from consumer.serve.api import serializers
from consumer.serve.api.dependencies import CONTEXT, PAGED, ContextAt, ContextRequest, Id, Paged, not_found
from consumer.serve.api.paging import Page
from consumer.serve.api.serializers import Style
from consumer.serve.sql import sql
from schemas import rest

router = APIRouter(prefix="/api/v1", tags=["Outcome Groups"])

OutcomeStyle = Annotated[Style, Query(description="full: with description, and the scale of the context.")]
GroupStyle = Annotated[Style, Query(description="full: with description and parent.")]
_TO_ROOT: dict[int | str, dict[str, Any]] = {302: {"description": "The address of the root group is in `Location`."}}
_GROUP = f"{CONTEXT}/outcome_groups/{{outcome_group_id}}"


@router.get(f"{CONTEXT}/root_outcome_group", response_model=rest.OutcomeGroup, responses=_TO_ROOT)
async def root_outcome_group(request: ContextAt) -> Response:
    """Redirect to the group at the top of an account or course, as Canvas does."""
    root = await request.pool.fetch_row(sql("groups"), *request.of_context, None, True, None, 1, 0)
    if root is None:
        raise not_found()
    path = request.http.url.path.removesuffix("root_outcome_group") + f"outcome_groups/{root['id']}"
    return RedirectResponse(request.http.url.replace(path=path), 302)


@router.get(f"{CONTEXT}/outcome_groups", response_model=list[rest.OutcomeGroup], responses=PAGED)
async def outcome_groups(request: ContextAt, page: Paged) -> Response:
    """List the outcome groups of an account or course."""
    rows = await request.pool.fetch(sql("groups"), *request.of_context, None, False, None, page.size, page.offset)
    return request.page([serializers.group(row) for row in rows], page, rows)


@router.get(_GROUP, response_model=rest.OutcomeGroup)
async def outcome_group(request: ContextAt, outcome_group_id: Id) -> Response:
    """Show one outcome group of an account or course."""
    row = await request.pool.fetch_row(sql("groups"), *request.of_context, outcome_group_id, False, None, 1, 0)
    if row is None:
        raise not_found()
    return request.answer(serializers.group(row))


@router.get(f"{_GROUP}/subgroups", response_model=list[rest.OutcomeGroup], responses=PAGED)
async def outcome_subgroups(request: ContextAt, outcome_group_id: Id, page: Paged) -> Response:
    """List the groups right below a group, by title, in their abbreviated form."""
    await outcome_group(request, outcome_group_id)
    rows = await request.pool.fetch(sql("groups"), *request.of_context, None, False, outcome_group_id, page.size, page.offset)
    return request.page([serializers.group(row, style="abbrev") for row in rows], page, rows)


@router.get(f"{_GROUP}/outcomes", response_model=list[rest.OutcomeGroupLink], responses=PAGED)
async def outcomes_of_group(
    request: ContextAt, outcome_group_id: Id, page: Paged, outcome_style: OutcomeStyle = "abbrev"
) -> Response:
    """List the outcomes in a group, by title; not those of the groups below it."""
    await outcome_group(request, outcome_group_id)
    return await _links(request, page, outcome_group_id, outcome_style, "abbrev")


@router.get(f"{CONTEXT}/outcome_group_links", response_model=list[rest.OutcomeGroupLink], responses=PAGED)
async def outcome_group_links(
    request: ContextAt, page: Paged, outcome_style: OutcomeStyle = "abbrev", outcome_group_style: GroupStyle = "abbrev"
) -> Response:
    """List which outcomes are in which groups of an account or course; without those that have no event."""
    return await _links(request, page, None, outcome_style, outcome_group_style)


async def _links(request: ContextRequest, page: Page, group: int | None, outcome_style: Style, group_style: Style) -> Response:
    rows = await request.pool.fetch(sql("group_links"), *request.of_context, group, page.size, page.offset, False)
    shown = [serializers.link(row, request.context, outcome_style, group_style) for row in rows]
    return request.page(shown, page, rows)
