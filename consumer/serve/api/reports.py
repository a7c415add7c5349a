"""Canvas' other views of the gradebook: a file, what goes into scores, and how many students are on each level."""

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from consumer.query.gradebook_csv import as_text
from consumer.query.scale import number
from consumer.serve.api import gradebook_shapes as shapes
from consumer.serve.api import linked, serializers
from consumer.serve.api.dependencies import CourseAt, Id, OutcomeIds, StudentIds, UserIds, not_found
from consumer.serve.api.gradebook_rows import Exclude, Gradebook, SectionId, gradebook_of
from consumer.serve.api.ordering import Sorting
from consumer.serve.api.serializers import Json
from consumer.serve.read_pool import Row
from consumer.serve.sql import sql
from schemas import rest_gradebook

router = APIRouter(tags=["Outcome Results"])

OnlyAssignments = Annotated[bool, Query(description="Alignments of assignments alone, without quizzes.")]
ShowUnpublished = Annotated[bool, Query(description="Also those of assignments that are not published.")]
AddDefaults = Annotated[
    bool,
    Query(
        description="Colours for outcomes on their own scale, by how many levels there are and which of them is mastery, as in "
        "Canvas; none where Canvas has none."
    ),
]
_TEXT = {"schema": {"type": "string"}}
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "A row for each student."}
}


@router.get("/courses/{course_id}/outcome_rollups.csv", response_class=Response, responses=_CSV, name="outcome_rollups_csv")
@router.get("/api/v1/courses/{course_id}/outcome_rollups.csv", response_class=Response, responses=_CSV, name="rollups_csv")
async def outcome_rollups_csv(
    request: CourseAt,
    sort: Sorting,
    user_ids: UserIds = None,
    section_id: SectionId = None,
    outcome_ids: OutcomeIds = None,
    exclude: Exclude = None,
) -> Response:
    """Download a course's scores: a row for each student and two columns for each outcome."""
    book = await gradebook_of(request, user_ids, section_id, exclude or (), outcome_ids, whole=True)
    names, scores, paths = await book.names(), await book.scores(book.outcome_ids), await linked.paths_of(book)
    columns = {row["id"]: serializers.outcome_in_context(row)["mastery_points"] for row in book.outcomes}
    course = await request.pool.fetch_row(sql("course"), *request.of_id)
    assert course is not None
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    titles = [" > ".join(paths[id_]) or f"outcome {id_}" for id_ in columns]
    writer.writerow(
        ["Student name", "Student ID", "Student SIS ID"]
        + [as_text(f"{title} {what}") for title in titles for what in ("result", "mastery points")]
    )
    for student in await sort.sorted(book):
        name = names.of[student.user]
        cells = [as_text(name.name), shapes.user_ref(student), as_text(name.sis_user_id or "N/A")]
        for id_, mastery in columns.items():
            cells += [_cell(scores.get((student.user, id_))), _cell(mastery)]
        writer.writerow(cells)
    title = "".join(letter if letter.isalnum() else "_" for letter in course["name"] or str(request.context_id))
    headers = {"Content-Disposition": f'attachment; filename="Outcomes-{title.encode("ascii", "replace").decode()}.csv"'}
    return Response(file.getvalue(), headers=headers, media_type="text/csv; charset=utf-8")


def _cell(value: float | None) -> str:
    return "" if value is None else number(value)


@router.get(
    "/api/v1/courses/{course_id}/outcomes/{outcome_id}/contributing_scores", response_model=rest_gradebook.ContributingScores
)
async def contributing_scores(
    request: CourseAt,
    outcome_id: Id,
    user_ids: UserIds = None,
    only_assignment_alignments: OnlyAssignments = False,
    show_unpublished_assignments: ShowUnpublished = False,
) -> Response:
    """List the raw scores that go into the scores of an outcome, and what they are of. No pages.

    No event tells Canvas' ids of alignments: `alignment_id` is `A_` and the assignment, `Q_` and the quiz, or `L_` and the
    live assessment.
    """
    book = await gradebook_of(request, user_ids, whole=True)
    outcome = next((row for row in book.outcomes if row["id"] == outcome_id), None)
    if outcome is None:
        raise not_found()
    alignments = await _alignments(book, outcome_id, only_assignment_alignments, show_unpublished_assignments)
    rows = [row for row in await book.results([outcome_id]) if shapes.alignment_id(row) in alignments]
    return request.answer(
        {
            "outcome": {"id": str(outcome_id), "title": outcome["title"]},
            "alignments": list(alignments.values()),
            "scores": [shapes.contributing_score(row, book.student_of(row["user_uuid"])) for row in rows],
        }
    )


async def _alignments(book: Gradebook, outcome_id: int, only_assignments: bool, unpublished: bool) -> dict[str, Json]:
    """What measures an outcome, by `alignment_id`."""
    found = {}
    for row in await book.alignments():
        hidden = row["assignment_state"] == "unpublished" and not unpublished
        id_ = shapes.aligned_id(row["asset_type"], row["asset_id"])
        other = only_assignments and row["asset_type"] != "Assignment"
        if row["learning_outcome_id"] == outcome_id and id_ and not hidden and not other:
            found[id_] = shapes.contributing_alignment(row, id_)
    return found


@router.get("/api/v1/courses/{course_id}/outcome_mastery_distribution", response_model=rest_gradebook.MasteryDistribution)
async def outcome_mastery_distribution(
    request: CourseAt,
    outcome_ids: OutcomeIds = None,
    student_ids: StudentIds = None,
    exclude: Exclude = None,
    add_defaults: AddDefaults = False,
    include: Annotated[
        list[Literal["alignment_distributions"]] | None,
        Query(alias="include[]", max_length=10, description="Also how many students' raw scores are on each level."),
    ] = None,
    only_assignment_alignments: OnlyAssignments = False,
    show_unpublished_assignments: ShowUnpublished = False,
) -> Response:
    """Count the students on each level of each outcome. No pages.

    The total counts all students with a score, also those below the lowest level. Distributions of alignments compare raw
    scores with the points of the scale, as Canvas does.
    """
    book = await gradebook_of(request, student_ids, None, exclude or (), outcome_ids, whole=True)
    scores: dict[int, list[tuple[str, float]]] = {}
    users = {one.user: shapes.user_ref(one) for one in book.students}
    for (user, outcome_id), score in (await book.scores(book.outcome_ids)).items():
        scores.setdefault(outcome_id, []).append((users[user], score))
    results = await book.results(book.outcome_ids) if include else ()
    found = {}
    for row in {row["id"]: row for row in book.outcomes}.values():
        outcome = serializers.outcome_in_context(row)
        outcome = shapes.with_defaults(outcome) if add_defaults else outcome
        shown: Json = {"outcome_id": str(row["id"])} | shapes.distribution(outcome, scores.get(row["id"], ()))
        if include:
            aligned = await _alignments(book, row["id"], only_assignment_alignments, show_unpublished_assignments)
            shown["alignment_distributions"] = _of_alignments(book, row["id"], outcome, aligned, results)
        found[str(row["id"])] = shown
    names = await book.names()
    by_user = {one.user: one for one in book.students}
    students = [shapes.linked_user(shapes.user_ref(by_user[user]), name) for user, name in names.of.items()]
    return request.answer({"outcome_distributions": found, "students": students})


def _of_alignments(
    book: Gradebook, outcome_id: int, outcome: Json, alignments: dict[str, Json], results: Sequence[Row]
) -> dict[str, Json]:
    found = {}
    for id_ in alignments:
        scores = [
            (shapes.user_ref(book.student_of(row["user_uuid"])), float(row["score"]))
            for row in results
            if row["learning_outcome_id"] == outcome_id and row["score"] is not None and shapes.alignment_id(row) == id_
        ]
        found[id_] = {"alignment_id": id_} | shapes.distribution(outcome, scores)
    return found
