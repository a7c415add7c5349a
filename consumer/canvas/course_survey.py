"""Results, alignments and rollups of one course."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from consumer.canvas import mapping
from consumer.canvas.client import CanvasClient, Context
from consumer.canvas.observations import Alignments, ListEnd, Objects, Observation, Rollups, Unanswered, reporting_refusals
from consumer.canvas.projection import Projection
from consumer.errors import CanvasForbidden, CanvasNotFound, CanvasRejected
from schemas import rest

Pair = tuple[int, int]
"""Outcome and assignment."""


class CourseSurvey:
    """The requests of one course; remembers what its results showed."""

    def __init__(self, client: CanvasClient, projection: Projection, course: Context, uuid: str | None) -> None:
        self._client = client
        self._projection = projection
        self._course = course
        self._course_id = course.context_id
        self._uuid = uuid
        self._aligned: dict[Pair, str] = {}
        """Alignments of results, each with a student."""
        self._students: set[str] = set()
        """As REST names them."""

    async def observe(self, linked: Collection[int] | None, *, rollups: bool) -> AsyncIterator[Observation]:
        """The end of the results comes after the alignments: results of removed ones do not count as absent."""
        end = None
        async for observation in self._results():
            if isinstance(observation, ListEnd):
                end = observation
                continue
            yield observation
            if isinstance(observation, Unanswered):
                return
        unanswered = False
        if end is not None:
            async for observation in self._alignments(end.requested_at):
                unanswered = unanswered or isinstance(observation, Unanswered)
                yield observation
        if end is not None and linked is not None and not unanswered:
            yield replace(end, linked=linked)
        if rollups:
            async for observation in self._rollups():
                yield observation

    @reporting_refusals
    async def results_again(self, students: set[str]) -> AsyncIterator[Observation]:
        """The results once more; adds all students whom Canvas shows in the course."""
        students |= await self._students_in_rollups()
        async for observation in self._results():
            students |= self._students
            yield observation

    @reporting_refusals
    async def _rollups(self) -> AsyncIterator[Observation]:
        shown = set[tuple[str | None, int | None]]()
        async for page in self._client.outcome_rollups(self._course_id):
            # Canvas pages students; some versions show the rollups of all students on each page.
            new = [one for one in page.items if (one.links.user, one.links.section) not in shown]
            shown.update((one.links.user, one.links.section) for one in new)
            yield Rollups(self._course_id, page.requested_at, new)

    @reporting_refusals
    async def _results(self) -> AsyncIterator[Observation]:
        shown, began = set[int](), None
        async for page in self._client.outcome_results(self._course_id, include_hidden=True):
            began = began or page.requested_at
            for result in page.items:
                if result.id is not None:
                    shown.add(result.id)
                self._students.add(result.links.user)
                if (assignment_id := mapping.assignment_of(result)) is not None:
                    self._aligned.setdefault((result.links.learning_outcome, assignment_id), result.links.user)
            objects = [mapping.result(result, self._course_id, self._uuid) for result in page.items]
            yield Objects("learning_outcome_result", self._course, page.requested_at, objects)
        if began is not None:
            yield ListEnd("learning_outcome_result", self._course, began, shown)

    @reporting_refusals
    async def _alignments(self, results_at: datetime) -> AsyncIterator[Observation]:
        """Of each assignment that results or known alignments name.

        Results prove their alignment, although Canvas' list omits some (those of question banks). An alignment is gone if its
        assignment is; or if the list omits it, and either a student with a result of it is in the course, or nobody has one.
        """
        known = await self._projection.alignments(self._course_id)
        expected = {(outcome, id_) for (outcome, kind, id_), one in known.items() if kind == "Assignment" and one.expected}
        doubtful, listed = expected - self._aligned.keys(), set[Pair]()
        absent: list[tuple[datetime, list[Pair]]] = []
        remaining = iter(sorted({assignment_id for _, assignment_id in expected | self._aligned.keys()}))
        try:
            for assignment_id in remaining:
                doubted = sorted(pair for pair in doubtful if pair[1] == assignment_id)
                try:
                    answer = await self._client.outcome_alignments(self._course_id, assignment_id=assignment_id)
                except CanvasNotFound as error:
                    yield Alignments(self._course_id, error.requested_at, gone=doubted)
                except CanvasForbidden as error:
                    yield Unanswered(str(error))
                else:
                    there = _pairs(answer.value)
                    listed |= there
                    absent.append((answer.requested_at, [pair for pair in doubted if pair not in there]))
                    yield Alignments(self._course_id, answer.requested_at, answer.value)
        except CanvasRejected:
            async for observation in self._alignments_by_student({assignment_id, *remaining}, doubtful, listed):
                yield observation
        students = await self._students_with_results([pair for _, pairs in absent for pair in pairs])
        for requested_at, pairs in absent:
            if gone := [pair for pair in pairs if students[pair] is None or students[pair]]:
                yield Alignments(self._course_id, requested_at, gone=gone)
        yield Alignments(self._course_id, results_at, proven=self._aligned.keys() - listed)

    async def _students_with_results(self, pairs: Collection[Pair]) -> Mapping[Pair, Sequence[str] | None]:
        """Students of the course who have results of doubtful alignments; None if nobody has. Rollups show all students."""
        if not pairs:
            return {}
        uuids = await self._projection.uuids(self._students)
        found = await self._projection.students_with_results(self._course_id, pairs, uuids)
        if any(students is not None and not students for students in found.values()):
            self._students |= await self._students_in_rollups()
            uuids = await self._projection.uuids(self._students)
            found = await self._projection.students_with_results(self._course_id, pairs, uuids)
        return found

    async def _students_in_rollups(self) -> set[str]:
        """The students whom Canvas shows in the course."""
        pages = self._client.outcome_rollups(self._course_id)
        return {one.links.user async for page in pages for one in page.items if one.links.user is not None}

    @reporting_refusals
    async def _alignments_by_student(
        self, assignments: Collection[int], doubtful: Collection[Pair], listed: set[Pair]
    ) -> AsyncIterator[Observation]:
        """An older Canvas lists alignments by student. Adds to `listed`.

        An alignment is gone if none of up to three students with results of it has it. If no such student's id is known,
        nothing is known of the alignment.
        """
        times: dict[str, datetime] = {}
        """By student."""
        missed: dict[Pair, datetime] = {}
        students = await self._students_with_results([pair for pair in doubtful if pair[1] in assignments])
        ids = await self._projection.user_ids({uuid for uuids in students.values() for uuid in uuids or ()})
        to_ask = {pair: [user] for pair, user in self._aligned.items() if pair[1] in assignments}
        to_ask |= {pair: list(uuids or ()) for pair, uuids in students.items()}
        for pair, users in to_ask.items():
            known = [id_ for user in users if (id_ := _student_id(user, ids)) is not None]
            for user in known:
                if pair not in listed and user not in times:
                    answer = await self._client.outcome_alignments(self._course_id, student_id=user)
                    times[user] = answer.requested_at
                    listed |= _pairs(answer.value)
                    yield Alignments(self._course_id, answer.requested_at, answer.value)
            if known and pair in students and pair not in listed:
                missed[pair] = min(times[user] for user in known)
        for pair, requested_at in missed.items():
            if pair not in listed:
                yield Alignments(self._course_id, requested_at, gone=[pair])


def _pairs(shown: Iterable[rest.OutcomeAlignment]) -> set[Pair]:
    return {(one.learning_outcome_id, one.assignment_id) for one in shown if one.assignment_id is not None}


def _student_id(user: str, ids: Mapping[str, int]) -> str | None:
    """From an id, `id:` and an id, or a uuid."""
    user = user.removeprefix("id:").removeprefix("uuid:")
    return user if user.isdecimal() else str(ids[user]) if user in ids else None
