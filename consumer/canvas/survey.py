"""What is asked of Canvas for a scope, and in which order: steps, and in each what the answers told, piece by piece.

A step is the tree, one account or one course; it is the unit in which a backfill goes on. Pages are passed on as they come, so
that no more than a few of them lie in memory; of a list that is whole, the ids.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from consumer.canvas import mapping
from consumer.canvas.client import CanvasClient, Context
from consumer.canvas.compare import alike
from consumer.canvas.observations import Alignments, Gone, Objects, Piece, Rollups, Scale, Standards, Unanswered, Whole
from consumer.canvas.projection import Aligned, Here
from consumer.errors import CanvasForbidden, CanvasNotFound, CanvasRejected, UsageError
from schemas import rest

UNANSWERED = (CanvasForbidden, CanvasNotFound, CanvasRejected)
"""One question is left out, and that is said; the others are asked all the same."""


class Scope(NamedTuple):
    """An account with everything below it, or one course."""

    context: Context
    tenant: str
    listed: int
    """The account whose lists show it."""

    def __str__(self) -> str:
        return f"{self.context.context_type.lower()}:{self.context.context_id}"


@dataclass(frozen=True, slots=True)
class Place:
    """An account or a course of the tree."""

    context: Context
    above: Context | None
    """None for a root account."""
    uuid: str | None = None

    @property
    def step(self) -> str:
        """`course:5`."""
        return f"{self.context.context_type.lower()}:{self.context.context_id}"


async def scopes(
    client: CanvasClient, here: Here, account_id: int | None, course_id: int | None, tenant: str | None
) -> list[Scope]:
    """What is meant: this account, this course, or all root accounts that the token's user may see.

    The tenant is the uuid of the root account; `tenant` is needed where Canvas does not show that. Raises `UsageError`, and
    what the client raises.
    """
    if account_id is not None:
        try:
            account = (await client.account(account_id)).value
        except CanvasNotFound:
            raise UsageError(f"Canvas shows no account {account_id} to this token's user") from None
        return [Scope(Context("Account", account.id), await _tenant(client, account, tenant), account.id)]
    tops = await _tops(client)
    if course_id is not None:
        known = await here.course_account(tenant, course_id)
        for id_ in [*([] if known is None else [known]), *(top.id for top in tops)]:
            if (course := await _course(client, id_, course_id)) is not None and course.account_id is not None:
                holder = (await client.account(course.account_id)).value
                return [Scope(Context("Course", course_id), await _tenant(client, holder, tenant), id_)]
        raise UsageError(f"Canvas shows no course {course_id} to this token's user")
    if not tops:
        raise UsageError("this token's user administers no account: name one with --account, or a course with --course")
    only = tenant if len(tops) == 1 else None
    found = [Scope(Context("Account", top.id), await _tenant(client, top, only), top.id) for top in tops]
    if tenant is not None and not (found := [scope for scope in found if scope.tenant == tenant]):
        raise UsageError(f"none of the accounts that this token's user administers belongs to {tenant}")
    return found


async def _tops(client: CanvasClient) -> list[rest.Account]:
    """The accounts of the token's user that lie below none of the others."""
    accounts = [account async for page in client.accounts() for account in page.items]
    ids = {account.id for account in accounts}
    return [account for account in accounts if account.parent_account_id not in ids]


async def _course(client: CanvasClient, account_id: int, course_id: int) -> rest.Course | None:
    """A course among those below an account: no endpoint of ours shows one alone."""
    try:
        async for page in client.account_courses(account_id):
            for course in page.items:
                if course.id == course_id:
                    return course
    except UNANSWERED:
        pass  # the account that was known has been deleted, or is not this user's: the others are looked through
    return None


async def _tenant(client: CanvasClient, account: rest.Account, given: str | None) -> str:
    root = account
    if account.parent_account_id is not None and account.root_account_id is not None:
        try:
            root = (await client.account(account.root_account_id)).value
        except UNANSWERED:
            root = account
    uuid = root.uuid if root.parent_account_id is None else None
    if uuid is None and given is None:
        raise UsageError("Canvas does not show the uuid of the root account to this token's user: name it with --tenant")
    if uuid is not None and given is not None and uuid != given:
        raise UsageError(f"this Canvas is of the tenant {uuid}, and not of {given}")
    return uuid or given or ""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a course's results have shown."""

    aligned: dict[tuple[int, int], str] = field(default_factory=dict)
    """Outcome and assignment -> a student."""
    students: set[str] = field(default_factory=set)
    """As REST names them."""


class Survey:
    """The questions of one scope. `tree` first: it finds the places whose steps come after it."""

    def __init__(self, client: CanvasClient, here: Here, scope: Scope, *, rollups: bool) -> None:
        self._client = client
        self._here = here
        self._scope = scope
        self._rollups = rollups
        self._accounts: dict[int, int | None] = {}
        self._courses: dict[int, Place] = {}
        self._answers: dict[Context, Sequence[rest.ProficiencyRating] | None] = {}
        self.own: bool | None = None
        """Whether Canvas computes with the outcomes' own criteria; None until an outcome was seen."""

    def places(self) -> Iterator[Place]:
        """Accounts from the top down, then courses."""
        below: dict[int | None, list[int]] = {}
        for id_, parent in self._accounts.items():
            below.setdefault(parent if parent in self._accounts else None, []).append(id_)
        level, seen = below.get(None, []), set[int]()
        while level:
            for id_ in level:
                seen.add(id_)
                parent = self._accounts[id_]
                yield Place(Context("Account", id_), None if parent is None else Context("Account", parent))
            level = [child for id_ in level for child in below.get(id_, ()) if child not in seen]
        yield from self._courses.values()

    async def answers(self) -> None:
        """Asks for next to nothing. Raises what the client raises."""
        await self._client.account(self._scope.listed)

    # The tree

    async def tree(self) -> AsyncIterator[Piece]:
        """Accounts and courses. What Canvas does not answer here ends it: nothing else could be found."""
        context = self._scope.context
        if context.context_type == "Course":
            async for page in self._client.account_courses(self._scope.listed):
                if found := [course for course in page.items if course.id == context.context_id]:
                    yield self._found(found, page.requested_at)
                    return
            raise UsageError(f"Canvas shows no course {context.context_id} to this token's user")
        top = await self._client.account(context.context_id)
        self._accounts[top.value.id] = top.value.parent_account_id
        yield Objects("account", None, top.requested_at, [mapping.account(top.value)])
        async for accounts in self._client.sub_accounts(context.context_id):
            self._accounts |= {account.id: account.parent_account_id for account in accounts.items}
            yield Objects("account", None, accounts.requested_at, [mapping.account(one) for one in accounts.items])
        async for courses in self._client.account_courses(context.context_id, deleted=True):
            yield self._found(courses.items, courses.requested_at)

    def _found(self, courses: Iterable[rest.Course], requested_at: datetime) -> Objects:
        for course in courses:
            if course.workflow_state != "deleted":
                above = None if course.account_id is None else Context("Account", course.account_id)
                self._courses[course.id] = Place(Context("Course", course.id), above, course.uuid)
        return Objects("course", None, requested_at, [mapping.course(one) for one in courses])

    # One place

    async def place(self, place: Place) -> AsyncIterator[Piece]:
        """All of an account or course, without what is below it."""
        async for piece in self._groups(place.context):
            yield piece
        linked: set[int] | None = set()
        async for piece in self._links(place.context):
            if isinstance(piece, Unanswered):
                linked = None
            elif isinstance(piece, Objects) and piece.table == "learning_outcome" and linked is not None:
                linked.update(outcome.id for outcome in piece.objects if outcome.id is not None)
            yield piece
        if linked is not None:
            async for piece in self._elsewhere(place.context, linked):
                yield piece
        async for piece in self._scale(place):
            yield piece
        async for piece in self._standards(place.context):
            yield piece
        if place.context.context_type == "Course":
            async for piece in self._measured(place, linked):
                yield piece

    async def _scale(self, place: Place) -> AsyncIterator[Piece]:
        """A context owns what the one above does not answer; that one is asked again, for it may have changed meanwhile."""
        try:
            requested_at, ratings = await self._answer(place.context)
        except UNANSWERED as error:
            yield Unanswered(str(error))
            return
        inherited = False
        if place.above is not None:
            try:
                above = self._answers[place.above] if place.above in self._answers else (await self._answer(place.above))[1]
                inherited = alike(ratings, above) or alike(ratings, (await self._answer(place.above))[1])
            except UNANSWERED:
                inherited = True  # as far as anybody knows
        yield Scale(place.context, requested_at, ratings, inherited)

    async def _answer(self, context: Context) -> tuple[datetime, Sequence[rest.ProficiencyRating] | None]:
        """What a context answers now; of accounts it is remembered, for those below."""
        answer = await self._client.outcome_proficiency(context)
        ratings = (answer.value.ratings or None) if answer.value is not None else None
        if context.context_type == "Account":
            self._answers[context] = ratings
        return answer.requested_at, ratings

    async def _groups(self, context: Context) -> AsyncIterator[Piece]:
        shown, began, pages = set[int](), None, 0
        try:
            async for page in self._client.outcome_groups(context):
                began, pages = began or page.requested_at, pages + 1
                shown.update(group.id for group in page.items)
                yield Objects("learning_outcome_group", context, page.requested_at, [mapping.group(one) for one in page.items])
        except UNANSWERED as error:
            yield Unanswered(str(error))
            return
        if began is not None:
            yield Whole("learning_outcome_group", context, began, shown, sure=pages == 1)

    async def _links(self, context: Context) -> AsyncIterator[Piece]:
        began, pages = None, 0
        try:
            async for page in self._client.outcome_group_links(context):
                began, pages = began or page.requested_at, pages + 1
                outcomes = {link.outcome.id: link.outcome for link in page.items}.values()
                own = await self._own(outcomes)
                yield Objects(
                    "learning_outcome", context, page.requested_at, [mapping.outcome(one, own=own) for one in outcomes]
                )
                yield Objects("learning_outcome_link", context, page.requested_at, [mapping.link(one) for one in page.items])
        except UNANSWERED as error:
            yield Unanswered(str(error))
            return
        if began is not None:
            yield Whole("learning_outcome_link", context, began, (), sure=pages == 1)

    async def _own(self, outcomes: Iterable[rest.Outcome]) -> bool:
        """Whether criteria in links are the outcomes' own.

        With account-level scales on, links show the scale of their context instead; an outcome asked for alone then shows none
        (canvas-facts 10.2). One outcome tells for the whole Canvas.
        """
        for outcome in outcomes:
            if self.own is not None:
                break
            try:
                alone = (await self._client.outcome(outcome.id)).value
            except CanvasNotFound:
                continue  # deleted meanwhile
            except UNANSWERED:
                return False
            self.own = "points_possible" in alone.model_fields_set
        return self.own is True

    async def _elsewhere(self, context: Context, linked: Collection[int]) -> AsyncIterator[Piece]:
        """Outcomes that a context owns and does not link; REST shows them one by one."""
        for outcome_id in await self._here.outcomes_elsewhere(self._scope.tenant, context, linked):
            try:
                alone = await self._client.outcome(outcome_id)
            except CanvasNotFound as none:
                yield Gone("learning_outcome", outcome_id, none.requested_at)
            except UNANSWERED as error:
                yield Unanswered(str(error))
            else:
                shown = mapping.outcome(alone.value, own="points_possible" in alone.value.model_fields_set)
                yield Objects("learning_outcome", context, alone.requested_at, [shown])

    async def _standards(self, context: Context) -> AsyncIterator[Piece]:
        try:
            async for page in self._client.grading_standards(context):
                yield Standards(context, page.requested_at, page.items)
        except UNANSWERED as error:
            yield Unanswered(str(error))

    # What is measured in a course

    async def _measured(self, place: Place, linked: Collection[int] | None) -> AsyncIterator[Piece]:
        """Results, alignments, and then what of the results is gone: those of a removed alignment are a matter of their own."""
        course_id, whole = place.context.context_id, None
        seen = _Seen()
        async for piece in self._results(place.context, place.uuid, seen):
            if isinstance(piece, Whole):
                whole = piece
                continue
            yield piece
            if isinstance(piece, Unanswered):
                return
        unanswered = False
        if whole is not None:
            async for piece in self._alignments(course_id, seen, whole.requested_at):
                unanswered = unanswered or isinstance(piece, Unanswered)
                yield piece
        if whole is not None and linked is not None and not unanswered:
            yield replace(whole, linked=linked)
        if self._rollups:
            told_once = set[tuple[str | None, int | None]]()
            try:
                async for rollups in self._client.outcome_rollups(course_id):
                    # Canvas' pages are of students; of some versions each page has the rollups of all.
                    new = [one for one in rollups.items if (one.links.user, one.links.section) not in told_once]
                    told_once.update((one.links.user, one.links.section) for one in new)
                    yield Rollups(course_id, rollups.requested_at, new)
            except UNANSWERED as error:
                yield Unanswered(str(error))

    async def _results(self, context: Context, course_uuid: str | None, seen: _Seen) -> AsyncIterator[Piece]:
        shown, began = set[int](), None
        try:
            async for page in self._client.outcome_results(context.context_id, include_hidden=True):
                began = began or page.requested_at
                for result in page.items:
                    if result.id is not None:
                        shown.add(result.id)
                    seen.students.add(result.links.user)
                    if (assignment_id := mapping.assignment_of(result)) is not None:
                        seen.aligned.setdefault((result.links.learning_outcome, assignment_id), result.links.user)
                objects = [mapping.result(result, context.context_id, course_uuid) for result in page.items]
                yield Objects("learning_outcome_result", context, page.requested_at, objects)
        except UNANSWERED as error:
            yield Unanswered(str(error))
            return
        if began is not None:
            yield Whole("learning_outcome_result", context, began, shown)

    async def again(self, whole: Whole) -> AsyncIterator[Piece]:
        """The same list once more; at its end what either of the two has shown, as of the first; of results the students."""
        students = set[str]()
        match whole.table:
            case "learning_outcome_group":
                pieces = self._groups(whole.context)
            case "learning_outcome_link":
                pieces = self._links(whole.context)
            case _:
                uuid = self._courses[whole.context.context_id].uuid
                try:
                    students = await self._shown_in(whole.context.context_id)
                except UNANSWERED as error:
                    yield Unanswered(str(error))
                    return
                pieces = self._results(whole.context, uuid, _Seen())
        async for piece in pieces:
            if isinstance(piece, Whole):
                yield replace(whole, shown={*whole.shown, *piece.shown}, sure=True, students=students)
                continue
            if isinstance(piece, Objects):
                students.update(one.user for one in piece.objects if one.user is not None)
            yield piece

    async def _alignments(self, course_id: int, seen: _Seen, results_at: datetime) -> AsyncIterator[Piece]:
        """Of each assignment that results or older answers name.

        Canvas shows results of alignments that exist: what those prove is not gone, whatever the list of alignments says. It
        does not list all that exist (those of question banks), and shows no results of students who have left the course or
        are of sections that the token's user may not see. So an alignment is gone where its assignment is; and where it is not
        listed, although one is shown in the course who has a result of it here, or nobody has.
        """
        known = await self._here.aligned(self._scope.tenant, course_id)
        expected = {
            (outcome_id, id_) for (outcome_id, kind, id_), one in known.items() if kind == "Assignment" and _expected(one)
        }
        doubtful, listed = expected - seen.aligned.keys(), set[tuple[int, int]]()
        absent: list[tuple[datetime, list[tuple[int, int]]]] = []
        assignments = sorted({assignment_id for _, assignment_id in expected | seen.aligned.keys()})
        left = iter(assignments)
        try:
            for assignment_id in left:
                doubted = sorted(pair for pair in doubtful if pair[1] == assignment_id)
                try:
                    answer = await self._client.outcome_alignments(course_id, assignment_id=assignment_id)
                except CanvasNotFound as none:
                    yield Alignments(course_id, none.requested_at, gone=doubted)
                except CanvasForbidden as error:
                    yield Unanswered(str(error))
                else:
                    there = _pairs(answer.value)
                    listed |= there
                    absent.append((answer.requested_at, [pair for pair in doubted if pair not in there]))
                    yield Alignments(course_id, answer.requested_at, answer.value)
        except CanvasRejected:
            rest_of_them = {assignment_id, *left}
            async for piece in self._by_student(course_id, seen, rest_of_them, doubtful, listed):
                yield piece
        try:
            students = await self._students_of(course_id, seen, [pair for _, pairs in absent for pair in pairs])
        except UNANSWERED as error:
            yield Unanswered(str(error))
            return
        for requested_at, pairs in absent:
            if gone := [pair for pair in pairs if students[pair] is None or students[pair]]:
                yield Alignments(course_id, requested_at, gone=gone)
        yield Alignments(course_id, results_at, proven=seen.aligned.keys() - listed)

    async def _students_of(
        self, course_id: int, seen: _Seen, pairs: Collection[tuple[int, int]]
    ) -> Mapping[tuple[int, int], Sequence[str] | None]:
        """Who of those whom Canvas shows in the course has results here of alignments that are in doubt; None where nobody has.

        Whoever has no other result is shown among the rollups alone.
        """
        tenant = self._scope.tenant
        if not pairs:
            return {}
        found = await self._here.students_of(tenant, course_id, pairs, await self._here.uuids(tenant, seen.students))
        if any(students is not None and not students for students in found.values()):
            seen.students.update(await self._shown_in(course_id))
            found = await self._here.students_of(tenant, course_id, pairs, await self._here.uuids(tenant, seen.students))
        return found

    async def _shown_in(self, course_id: int) -> set[str]:
        """The students whom Canvas shows in a course."""
        shown = set[str]()
        async for page in self._client.outcome_rollups(course_id):
            shown.update(one.links.user for one in page.items if one.links.user is not None)
        return shown

    async def _by_student(
        self,
        course_id: int,
        seen: _Seen,
        assignments: Collection[int],
        doubtful: Collection[tuple[int, int]],
        listed: set[tuple[int, int]],
    ) -> AsyncIterator[Piece]:
        """An older Canvas tells what one student has to hand in: of these assignments. What is shown goes into `listed`.

        An alignment is gone where nobody shows it of up to three who have results of it and are shown in the course; where no
        such student's id is known, nothing is known of it either.
        """
        told_by: dict[str, datetime] = {}
        missed: dict[tuple[int, int], datetime] = {}
        try:
            students = await self._students_of(course_id, seen, [pair for pair in doubtful if pair[1] in assignments])
            ids = await self._here.user_ids(self._scope.tenant, {uuid for uuids in students.values() for uuid in uuids or ()})
            asked = {pair: [user] for pair, user in seen.aligned.items() if pair[1] in assignments}
            asked |= {pair: list(uuids or ()) for pair, uuids in students.items()}
            for pair, users in asked.items():
                those = [id_ for user in users if (id_ := _student(user, ids)) is not None]
                for user in those:
                    if pair not in listed and user not in told_by:
                        answer = await self._client.outcome_alignments(course_id, student_id=user)
                        told_by[user] = answer.requested_at
                        listed |= _pairs(answer.value)
                        yield Alignments(course_id, answer.requested_at, answer.value)
                if those and pair in students and pair not in listed:
                    missed[pair] = min(told_by[user] for user in those)
        except UNANSWERED as error:
            yield Unanswered(str(error))
            return
        for pair, requested_at in missed.items():
            if pair not in listed:
                yield Alignments(course_id, requested_at, gone=[pair])


def _expected(aligned: Aligned) -> bool:
    """Whether it is aligned by what is known here, or was gone before results that are newer."""
    return aligned.newest_result is not None or (aligned.known is not None and aligned.known.workflow_state == "active")


def _pairs(shown: Iterable[rest.OutcomeAlignment]) -> set[tuple[int, int]]:
    return {(one.learning_outcome_id, one.assignment_id) for one in shown if one.assignment_id is not None}


def _student(user: str, ids: Mapping[str, int]) -> str | None:
    """The id of a student by id, by `id:` and id, or by uuid."""
    user = user.removeprefix("id:").removeprefix("uuid:")
    return user if user.isdecimal() else str(ids[user]) if user in ids else None
