"""Which requests a scope needs, and in which order: steps, and in each step what the answers showed.

A step is the tree, one account or one course; a stopped backfill resumes after its completed steps. Pages are passed on as they
come, so memory holds few of them, and the ids of a complete list.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from consumer.canvas import mapping
from consumer.canvas.client import CanvasClient, Context
from consumer.canvas.compare import same_scale
from consumer.canvas.course_survey import CourseSurvey
from consumer.canvas.observations import (
    REFUSALS,
    ListEnd,
    NotInCanvas,
    Objects,
    Observation,
    Scale,
    Standards,
    Unanswered,
    reporting_refusals,
)
from consumer.canvas.projection import Projection
from consumer.canvas.scopes import Scope
from consumer.errors import CanvasNotFound, UsageError
from schemas import rest


@dataclass(frozen=True, slots=True)
class Step:
    """An account or a course of the tree."""

    context: Context
    above: Context | None
    """None for a root account."""
    uuid: str | None = None
    """A course's."""


class Survey:
    """The requests of one scope. Call `tree` first: it finds the other steps."""

    def __init__(self, client: CanvasClient, projection: Projection, scope: Scope, *, rollups: bool) -> None:
        self._client = client
        self._projection = projection
        self._scope = scope
        self._rollups = rollups
        self._parents: dict[int, int | None] = {}
        """By account."""
        self._courses: dict[int, Step] = {}
        self._account_scales: dict[Context, Sequence[rest.ProficiencyRating] | None] = {}
        self.own_criteria: bool | None = None
        """Whether Canvas computes with the outcomes' own criteria; None until an outcome was seen."""

    def steps(self) -> Iterator[Step]:
        """Accounts from the top down, then courses."""
        below: dict[int | None, list[int]] = {}
        for id_, parent in self._parents.items():
            below.setdefault(parent if parent in self._parents else None, []).append(id_)
        level, seen = below.get(None, []), set[int]()
        while level:
            for id_ in level:
                seen.add(id_)
                parent = self._parents[id_]
                yield Step(Context("Account", id_), None if parent is None else Context("Account", parent))
            level = [child for id_ in level for child in below.get(id_, ()) if child not in seen]
        yield from self._courses.values()

    async def ping(self) -> None:
        """A cheap request. Raises what the client raises."""
        await self._client.account(self._scope.listed)

    # The tree

    async def tree(self) -> AsyncIterator[Observation]:
        """Accounts and courses. A refused request raises: nothing else could be found."""
        context = self._scope.context
        if context.context_type == "Course":
            async for page in self._client.account_courses(self._scope.listed):
                if found := [course for course in page.items if course.id == context.context_id]:
                    yield self._found(found, page.requested_at)
                    return
            raise UsageError(f"Canvas shows no course {context.context_id} to this token's user")
        top = await self._client.account(context.context_id)
        self._parents[top.value.id] = top.value.parent_account_id
        yield Objects("account", None, top.requested_at, [mapping.account(top.value)])
        async for accounts in self._client.sub_accounts(context.context_id):
            self._parents |= {account.id: account.parent_account_id for account in accounts.items}
            yield Objects("account", None, accounts.requested_at, [mapping.account(one) for one in accounts.items])
        async for courses in self._client.account_courses(context.context_id, deleted=True):
            yield self._found(courses.items, courses.requested_at)

    def _found(self, courses: Iterable[rest.Course], requested_at: datetime) -> Objects:
        for course in courses:
            if course.workflow_state != "deleted":
                above = None if course.account_id is None else Context("Account", course.account_id)
                self._courses[course.id] = Step(Context("Course", course.id), above, course.uuid)
        return Objects("course", None, requested_at, [mapping.course(one) for one in courses])

    # One account or course

    async def observe(self, step: Step) -> AsyncIterator[Observation]:
        """An account or course, without what is below it."""
        async for observation in self._groups(step.context):
            yield observation
        linked: set[int] | None = set()
        async for observation in self._links(step.context):
            if isinstance(observation, Unanswered):
                linked = None
            elif isinstance(observation, Objects) and observation.table == "learning_outcome" and linked is not None:
                linked.update(outcome.id for outcome in observation.objects if outcome.id is not None)
            yield observation
        if linked is not None:
            async for observation in self._unlinked_outcomes(step.context, linked):
                yield observation
        async for observation in self._scale(step):
            yield observation
        async for observation in self._standards(step.context):
            yield observation
        if step.context.context_type == "Course":
            async for observation in self._course(step.context).observe(linked, rollups=self._rollups):
                yield observation

    async def relist(self, end: ListEnd) -> AsyncIterator[Observation]:
        """Reads a list once more. Its end has what either reading showed, as of the first; for results, the students too."""
        students = set[str]()
        match end.table:
            case "learning_outcome_group":
                observations = self._groups(end.context)
            case "learning_outcome_link":
                observations = self._links(end.context)
            case _:
                observations = self._course(end.context).results_again(students)
        async for observation in observations:
            if isinstance(observation, ListEnd):
                yield replace(end, shown={*end.shown, *observation.shown}, sure=True, students=students)
            else:
                yield observation

    def _course(self, context: Context) -> CourseSurvey:
        uuid = self._courses[context.context_id].uuid
        return CourseSurvey(self._client, self._projection, context, uuid)

    @reporting_refusals
    async def _scale(self, step: Step) -> AsyncIterator[Observation]:
        """A context owns a scale that differs from the one above; that is requested again, as it may have changed since."""
        requested_at, ratings = await self._scale_of(step.context)
        inherited = False
        if step.above is not None:
            try:
                known = step.above in self._account_scales
                above = self._account_scales[step.above] if known else (await self._scale_of(step.above))[1]
                inherited = same_scale(ratings, above) or same_scale(ratings, (await self._scale_of(step.above))[1])
            except REFUSALS:
                inherited = True  # as far as we can know
        yield Scale(step.context, requested_at, ratings, inherited)

    async def _scale_of(self, context: Context) -> tuple[datetime, Sequence[rest.ProficiencyRating] | None]:
        """Remembers the scales of accounts, for those below."""
        answer = await self._client.outcome_proficiency(context)
        ratings = (answer.value.ratings or None) if answer.value is not None else None
        if context.context_type == "Account":
            self._account_scales[context] = ratings
        return answer.requested_at, ratings

    @reporting_refusals
    async def _groups(self, context: Context) -> AsyncIterator[Observation]:
        shown, began, pages = set[int](), None, 0
        async for page in self._client.outcome_groups(context):
            began, pages = began or page.requested_at, pages + 1
            shown.update(group.id for group in page.items)
            yield Objects("learning_outcome_group", context, page.requested_at, [mapping.group(one) for one in page.items])
        if began is not None:
            yield ListEnd("learning_outcome_group", context, began, shown, sure=pages == 1)

    @reporting_refusals
    async def _links(self, context: Context) -> AsyncIterator[Observation]:
        began, pages = None, 0
        async for page in self._client.outcome_group_links(context):
            began, pages = began or page.requested_at, pages + 1
            outcomes = {link.outcome.id: link.outcome for link in page.items}.values()
            own = await self._have_own_criteria(outcomes)
            objects = [mapping.outcome(one, own_criterion=own) for one in outcomes]
            yield Objects("learning_outcome", context, page.requested_at, objects)
            yield Objects("learning_outcome_link", context, page.requested_at, [mapping.link(one) for one in page.items])
        if began is not None:
            yield ListEnd("learning_outcome_link", context, began, (), sure=pages == 1)

    async def _have_own_criteria(self, outcomes: Iterable[rest.Outcome]) -> bool:
        """Whether links show the outcomes' own criteria. One outcome tells for the whole Canvas.

        With account-level scales, links show their context's scale, and an outcome requested alone shows none
        (`lib/api/v1/outcome.rb`).
        """
        for outcome in outcomes:
            if self.own_criteria is not None:
                break
            try:
                alone = (await self._client.outcome(outcome.id)).value
            except CanvasNotFound:
                continue  # deleted since
            except REFUSALS:
                return False
            self.own_criteria = "points_possible" in alone.model_fields_set
        return self.own_criteria is True

    async def _unlinked_outcomes(self, context: Context, linked: Collection[int]) -> AsyncIterator[Observation]:
        """Outcomes that a context owns but does not link; REST shows them one by one."""
        for outcome_id in await self._projection.unlinked_outcomes(context, linked):
            try:
                alone = await self._client.outcome(outcome_id)
            except CanvasNotFound as error:
                yield NotInCanvas("learning_outcome", outcome_id, error.requested_at)
            except REFUSALS as error:
                yield Unanswered(str(error))
            else:
                shown = mapping.outcome(alone.value, own_criterion="points_possible" in alone.value.model_fields_set)
                yield Objects("learning_outcome", context, alone.requested_at, [shown])

    @reporting_refusals
    async def _standards(self, context: Context) -> AsyncIterator[Observation]:
        async for page in self._client.grading_standards(context):
            yield Standards(page.requested_at, page.items)
