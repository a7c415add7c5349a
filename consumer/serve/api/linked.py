"""What `include[]` adds to results and rollups."""

from collections.abc import Collection, Sequence
from typing import Any, Literal, TypeAlias

from consumer.query.members import Member
from consumer.serve.api import gradebook_shapes as shapes
from consumer.serve.api import serializers
from consumer.serve.api.dependencies import ContextRequest
from consumer.serve.api.gradebook_rows import Gradebook
from consumer.serve.api.serializers import Json
from consumer.serve.read_pool import Row
from consumer.serve.sql import sql

LINKED: TypeAlias = Literal[
    "outcomes", "outcome_groups", "outcome_links", "outcome_paths", "alignments", "outcomes.alignments", "assignments"
]
_ALIGNED = {"alignments", "outcomes.alignments", "assignments", "outcomes"}


async def linked(
    request: ContextRequest,
    book: Gradebook,
    include: Collection[str],
    students: Sequence[Member],
    *,
    percents: bool = False,
    defaults: bool = False,
) -> Json:
    """A list for each word of `include[]`; the users are those of the page."""
    found: Json = {}
    alignments = await book.alignments() if _ALIGNED & set(include) else ()
    if "users" in include:
        names = await book.names()
        found["users"] = [shapes.linked_user(shapes.user_ref(one), names.of[one.user]) for one in students]
    if "courses" in include:
        course = await request.pool.fetch_row(sql("course"), *request.of_id)
        assert course is not None
        found["courses"] = [{"id": str(request.context_id), "name": course["name"]}]
    if "outcomes" in include:
        found["outcomes"] = await outcomes_of(book, alignments, percents=percents, defaults=defaults)
    if "outcome_groups" in include:
        rows = {row["group_id"]: row for row in book.outcomes if row["group_id"] is not None}
        found["outcome_groups"] = [serializers.group(row, "group_", "full") for row in rows.values()]
    if "outcome_links" in include:
        links = [row for row in book.outcomes if row["group_id"] is not None]
        found["outcome_links"] = [serializers.link(row, request.context, "abbrev", "abbrev") for row in links]
    if "outcome_paths" in include:
        paths = await paths_of(book)
        found["outcome_paths"] = [{"id": id_, "parts": [{"name": title} for title in titles]} for id_, titles in paths.items()]
    ids = {row["id"] for row in book.outcomes}
    aligned = [row for row in alignments if row["learning_outcome_id"] in ids]
    for word in ("alignments", "outcomes.alignments"):
        if word in include:
            found[word] = list({one["id"]: one for one in map(shapes.linked_alignment, aligned)}.values())
    if "assignments" in include:
        assignments = (row for row in aligned if row["asset_type"] == "Assignment")
        found["assignments"] = list({one["id"]: one for one in map(shapes.linked_assignment, assignments)}.values())
    return found


async def outcomes_of(book: Gradebook, alignments: Sequence[Row], *, percents: bool, defaults: bool) -> list[Json]:
    """The outcomes on the scale that applies here, with what measures them."""
    measured: dict[int, list[str]] = {}
    for row in alignments:
        if row["asset_type"] == "Assignment" and row["assignment_state"] != "unpublished":
            measured.setdefault(row["learning_outcome_id"], []).append(shapes.linked_alignment(row)["id"])
    scores: dict[int, list[float]] = {}
    if percents:
        for (_, outcome_id), score in (await book.scores(None)).items():
            scores.setdefault(outcome_id, []).append(score)
    found = []
    for row in book.outcomes:
        shown: dict[str, Any] = serializers.outcome_in_context(row)
        if defaults:
            shown = shapes.with_defaults(shown)
        if percents:
            shown = shapes.with_percents(shown, scores.get(row["id"], []))
        group = row["learning_outcome_group_id"]
        found.append(shown | {"alignments": measured.get(row["id"], []), "group_id": None if group is None else str(group)})
    return found


async def paths_of(book: Gradebook) -> dict[int, list[str]]:
    """Of each outcome: the titles of its groups from below the root, then its own."""
    rows = await book.request.pool.fetch(sql("outcome_paths"), *book.request.of_id)
    told = {row["learning_outcome_id"]: row["titles"] for row in rows}
    return {row["id"]: told.get(row["id"]) or [row["title"]] for row in book.outcomes}
