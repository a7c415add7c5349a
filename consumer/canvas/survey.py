"""Which requests a scope needs, and in which order: steps, and in each step what the answers showed.

A step is the tree, one account or one course; a stopped backfill resumes after its completed steps. Pages are passed on as they
come, so memory holds few of them, and the ids of a complete list.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from consumer.canvas import mapping, observations
from consumer.canvas.client import CanvasClient, Context
from consumer.canvas.compare import same_scale
from consumer.canvas.course_survey import CourseSurvey
from consumer.canvas.observations import REFUSALS, Objects, Observation, Unanswered, reporting_refusals
from consumer.canvas.projection import Projection, Session, account_of_course
from consumer.canvas.roster_survey import RosterSurvey
from consumer.errors import CanvasNotFound, UsageError
from schemas import rest


class Scope(NamedTuple):
    """An account with everything below it, or one course."""

    context: Context
    tenant: str
    listed: int
    """The account whose lists show it."""


async def scopes(
    client: CanvasClient, session: Session, account_id: int | None, course_id: int | None, tenant: str | None
) -> list[Scope]:
    """This account, this course, or all root accounts that the token's user may see.

    The tenant is the uuid of the root account; `tenant` is needed if Canvas does not show it. Raises `UsageError`, and what the
    client raises.
    """
    if account_id is not None:
        try:
            account = (await client.account(account_id)).value
        except CanvasNotFound:
            raise UsageError(f"Canvas shows no account {account_id} to this token's user") from None
        return [Scope(Context("Account", account.id), await _tenant(client, account, tenant), account.id)]
    top_accounts = await _top_accounts(client)
    if course_id is not None:
        known = await account_of_course(session, tenant, course_id)
        for id_ in [*([] if known is None else [known]), *(top.id for top in top_accounts)]:
            if (course := await _course(client, id_, course_id)) is not None and course.account_id is not None:
                holder = (await client.account(course.account_id)).value
                return [Scope(Context("Course", course_id), await _tenant(client, holder, tenant), id_)]
        raise UsageError(f"Canvas shows no course {course_id} to this token's user")
    if not top_accounts:
        raise UsageError("this token's user administers no account: pass --account or --course")
    only = tenant if len(top_accounts) == 1 else None
    found = [Scope(Context("Account", top.id), await _tenant(client, top, only), top.id) for top in top_accounts]
    if tenant is not None and not (found := [scope for scope in found if scope.tenant == tenant]):
        raise UsageError(f"none of the accounts that this token's user administers belongs to {tenant}")
    return found


async def _top_accounts(client: CanvasClient) -> list[rest.Account]:
    """The user's accounts that are below none of the others."""
    accounts = [account async for page in client.accounts() for account in page.items]
    ids = {account.id for account in accounts}
    return [account for account in accounts if account.parent_account_id not in ids]


async def _course(client: CanvasClient, account_id: int, course_id: int) -> rest.Course | None:
    """Searches an account's list: none of our endpoints shows one course."""
    try:
        async for page in client.account_courses(account_id):
            for course in page.items:
                if course.id == course_id:
                    return course
    except REFUSALS:
        pass  # the known account is deleted, or another user's; the search goes on in the others
    return None


async def _tenant(client: CanvasClient, account: rest.Account, given: str | None) -> str:
    root = account
    if account.parent_account_id is not None and account.root_account_id is not None:
        try:
            root = (await client.account(account.root_account_id)).value
        except REFUSALS:
            root = account
    uuid = root.uuid if root.parent_account_id is None else None
    if uuid is None and given is None:
        raise UsageError("Canvas does not show the uuid of the root account to this token's user: pass it with --tenant")
    if uuid is not None and given is not None and uuid != given:
        raise UsageError(f"this Canvas belongs to the tenant {uuid}, not to {given}")
    return uuid or given or ""


@dataclass(frozen=True, slots=True)
class Step:
    """An account or a course of the tree."""

    context: Context
    above: Context | None
    """None for a root account."""
    uuid: str | None = None
    """A course's."""


class Survey:
    """The requests of one scope. Call `tree` first: it finds the other steps.

    `rosters`: people and places instead of outcomes, results and scales.
    """

    def __init__(self, client: CanvasClient, projection: Projection, scope: Scope, *, rollups: bool, rosters: bool) -> None:
        self._client = client
        self._projection = projection
        self._scope = scope
        self._rollups = rollups
        self._rosters = RosterSurvey(client, projection) if rosters else None
        self._parents: dict[int, int | None] = {}
        """By account."""
        self._courses: dict[int, Step] = {}
        self._account_scales: dict[Context, Sequence[rest.ProficiencyRating] | None] = {}
        self.own_criteria: bool | None = None
        """Whether Canvas computes with the outcomes' own criteria; None until an outcome was seen."""

    def steps(self) -> Iterator[Step]:
        """Accounts from the top down, unless only rosters are read; then courses."""
        if self._rosters is not None:
            yield from self._courses.values()
            return
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
                    for objects in self._found(found, page.requested_at):
                        yield objects
                    async for observation in self._terms(found[0].root_account_id):
                        yield observation
                    return
            raise UsageError(f"Canvas shows no course {context.context_id} to this token's user")
        top = await self._client.account(context.context_id)
        self._parents[top.value.id] = top.value.parent_account_id
        yield Objects("account", None, top.requested_at, [mapping.account(top.value)])
        async for accounts in self._client.sub_accounts(context.context_id):
            self._parents |= {account.id: account.parent_account_id for account in accounts.items}
            yield Objects("account", None, accounts.requested_at, [mapping.account(one) for one in accounts.items])
        async for courses in self._client.account_courses(context.context_id, deleted=True):
            for objects in self._found(courses.items, courses.requested_at):
                yield objects
        async for observation in self._terms(top.value.root_account_id or top.value.id):
            yield observation

    def _found(self, courses: Sequence[rest.Course], requested_at: datetime) -> Iterator[Objects]:
        for course in courses:
            if course.workflow_state != "deleted":
                above = None if course.account_id is None else Context("Account", course.account_id)
                self._courses[course.id] = Step(Context("Course", course.id), above, course.uuid)
        yield Objects("course", None, requested_at, [mapping.course(one) for one in courses])
        if self._rosters is not None:
            details = [mapping.course_detail(one) for one in courses if one.workflow_state != "deleted"]
            yield Objects("course_detail", None, requested_at, details)

    @reporting_refusals
    async def _terms(self, root_account_id: int | None) -> AsyncIterator[Observation]:
        if self._rosters is not None and root_account_id is not None:
            async for page in self._client.terms(root_account_id):
                yield Objects("enrollment_term", None, page.requested_at, [mapping.term(one) for one in page.items])

    # One account or course

    async def observe(self, step: Step) -> AsyncIterator[Observation]:
        """An account or course, without what is below it."""
        if self._rosters is not None:
            async for observation in self._rosters.observe(step.context, step.uuid):
                yield observation
            return
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

    async def relist(self, end: observations.ListEnd) -> AsyncIterator[Observation]:
        """Reads a list once more. Its end has what either reading showed, as of the first; for results, the students too."""
        students = set[str]()
        match end.table:
            case "learning_outcome_group":
                reading = self._groups(end.context)
            case "learning_outcome_link":
                reading = self._links(end.context)
            case _:
                reading = self._course(end.context).results_again(students)
        async for observation in reading:
            if isinstance(observation, observations.ListEnd):
                yield replace(end, shown={*end.shown, *observation.shown}, read_completely=True, students=students)
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
        yield observations.Scale(step.context, requested_at, ratings, inherited)

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
            yield observations.ListEnd("learning_outcome_group", context, began, shown, read_completely=pages == 1)

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
            yield observations.ListEnd("learning_outcome_link", context, began, (), read_completely=pages == 1)

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
                yield observations.NotInCanvas("learning_outcome", outcome_id, error.requested_at)
            except REFUSALS as error:
                yield Unanswered(str(error))
            else:
                shown = mapping.outcome(alone.value, own_criterion="points_possible" in alone.value.model_fields_set)
                yield Objects("learning_outcome", context, alone.requested_at, [shown])

    @reporting_refusals
    async def _standards(self, context: Context) -> AsyncIterator[Observation]:
        async for page in self._client.grading_standards(context):
            yield observations.Standards(page.requested_at, page.items)
