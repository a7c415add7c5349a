"""Each piece of a survey against the projection: what differs, and, where that is wanted, the versions that mend it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Protocol, assert_never

from pydantic import ValidationError

from consumer.canvas import compare
from consumer.canvas.client import Context
from consumer.canvas.compare import Change, Difference, Known, Left
from consumer.canvas.mapping import Told
from consumer.canvas.observations import Alignments, Gone, Objects, Piece, Rollups, Scale, Standards, Unanswered, Whole
from consumer.canvas.projection import Aligned, Alignment, Here
from schemas import rest
from schemas.grading_standards import Standard

Kind = Literal["missing", "stale", "extra", "alignment", "scale", "rollup"]

TICK = timedelta(microseconds=1)

NAMED_AT_ONCE = 500

COURSES_AT_ONCE = 8
"""Of which what is known of their alignments is remembered; fewer are under way."""

_NOTHING = Aligned(None, None)


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference."""

    kind: Kind
    table: str
    key: Mapping[str, Any]
    """What it is about: an id, or what stands in its place."""
    members: tuple[Difference, ...] = field(default=(), repr=False)
    repaired: bool = False

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        members = {one.member: {"ours": one.ours, "canvas": one.canvas} for one in self.members}
        return {"kind": self.kind, "table": self.table, **self.key, "members": members, "repaired": self.repaired}


@dataclass(slots=True)
class Counts:
    """Of one table."""

    seen: int = 0
    """Objects that Canvas told; one that several contexts show counts each time."""
    written: int = 0
    """Versions; of a dry run those that would be."""
    unchanged: int = 0
    newer_here: int = 0
    """An event is newer than the request."""
    unknown_links: int = 0
    """Links that no event has told, so that their ids are unknown; not stored."""
    without_id: int = 0
    """Results of New Quizzes, which Canvas itself never stores; not stored."""
    students_gone: int = 0
    """Results, active here, of students whom Canvas does not show in the course: what it thinks of them is not known."""
    users_unknown: int = 0
    """Results whose student is known by id only."""
    refused: int = 0
    """What Canvas itself could not save; not stored."""

    def as_json(self) -> dict[str, int]:
        """For machines."""
        return {name: getattr(self, name) for name in self.__slots__}


class Writes(Protocol):
    """What takes versions."""

    async def write(self, changes: Sequence[tuple[Change, datetime]]) -> Sequence[str | None]:
        """Writes them, each at its moment; for each why it was refused, or None."""


@dataclass(frozen=True, slots=True)
class _Links:
    """Of the list of one context, so far."""

    shown: set[int] = field(default_factory=set)
    """Ids of those that are known."""
    unknown: dict[tuple[int, int], Told] = field(default_factory=dict)
    """Those in places that no event has told, by group and outcome: a list may be told twice."""


class Examiner:
    """Takes pieces, one at a time. `pen` None: nothing is changed, anywhere.

    `thorough`: also what Canvas does not have and what rollups come to, which a backfill does not look at; with a pen, what
    Canvas does not have is deleted.
    """

    def __init__(self, here: Here, tenant: str, source: str, pen: Writes | None, *, thorough: bool) -> None:
        self._here = here
        self._tenant = tenant
        self._source = source
        self._pen = pen
        self._thorough = thorough
        self.counts: dict[str, Counts] = {}
        self.refused: list[str] = []
        self._told_once: set[tuple[str, int]] = set()
        """Outcomes that were found where nothing is written: several contexts show one."""
        self._links: dict[Context, _Links] = {}
        """Of contexts that are under way."""
        self._alignments: dict[int, dict[tuple[int, str, int], Aligned]] = {}
        """Of the last few courses."""
        self._gone: dict[int, set[tuple[int, int]]] = {}
        """Outcome and assignment, of courses that are under way."""

    async def take(self, piece: Piece) -> list[Finding]:
        """What differs in it."""
        match piece:
            case Objects("learning_outcome_link"):
                return await self._take_links(piece)
            case Objects():
                return await self._take_objects(piece)
            case Scale():
                return await self._take_scale(piece)
            case Standards():
                return await self._take_standards(piece)
            case Alignments():
                return await self._take_alignments(piece)
            case Whole():
                return await self._take_whole(piece)
            case Gone():
                return await self._take_gone(piece)
            case Rollups():
                return await self._take_rollups(piece)
            case Unanswered():
                return []
            case _:
                assert_never(piece)

    def counted(self, table: str) -> Counts:
        """The counts of a table."""
        return self.counts.setdefault(table, Counts())

    # Objects

    async def _take_objects(self, piece: Objects) -> list[Finding]:
        known = await self._here.known(self._tenant, piece.table, [one.id for one in piece.objects if one.id is not None])
        users = await self._users(piece.objects, known)
        changes, counts = [], self.counted(piece.table)
        for told in piece.objects:
            ours = known.get(compare.row_id(piece.table, told.id)) if told.id is not None else None
            if ours is None and told.members.get("workflow_state") == "deleted":
                continue  # a course that was over before anybody told of it
            counts.seen += 1
            found = compare.compare(told, ours, piece.requested_at, users)
            if isinstance(found, Left):
                self._leave(piece.table, found)
            else:
                changes.append(found)
            told_user = told.user is not None and told.id is not None and not told.user.startswith("uuid:")
            if told_user and told.user not in users:
                counts.users_unknown += 1
        return await self._settle([(change, piece.requested_at) for change in changes])

    async def _users(self, objects: Iterable[Told], known: Mapping[int, Known]) -> dict[str, str]:
        """Who the users of results are; those whom a result of the feed names are learnt first.

        What was learnt first stays. Nothing is learnt of an id with several uuids, nor of a uuid with several ids: users whom
        Canvas has merged, and whose older results the feed told under another uuid.
        """
        asked, seen = set[str](), dict[str, set[str]]()
        for told in objects:
            if told.user is None or told.user.startswith("uuid:"):
                continue
            asked.add(told.user)
            uuid = compare.uuid_of(known.get(told.id)) if told.id is not None else None
            if uuid is not None:
                seen.setdefault(told.user, set()).add(uuid)
        users = await self._here.users(self._tenant, asked)
        owners = Counter(uuid for uuids in seen.values() for uuid in uuids)
        new = {id_: min(uuids) for id_, uuids in seen.items() if id_ not in users and len(uuids) == 1}
        if new:
            others = await self._here.user_ids(self._tenant, new.values())
            new = {id_: uuid for id_, uuid in new.items() if owners[uuid] == 1 and uuid not in others}
        await self._here.learn(self._tenant, new, writing=self._pen is not None)
        return users | new

    async def name_users(self) -> None:
        """Results that REST alone told, and whose student has become known meanwhile.

        Nothing else is claimed than that: the version is as old as the one that it stands in for, by as little as there is.
        """
        above = 0
        while self._pen is not None:
            found = await self._here.to_name(self._tenant, above, NAMED_AT_ONCE)
            if not found:
                return
            changes = [
                (
                    Change("learning_outcome_result", one.body["id"], one.body | {"user_uuid": uuid}, (), True),
                    one.event_time + TICK,
                )
                for one, uuid in found
            ]
            await self._settle(changes)
            above = found[-1][0].body["id"]

    async def _take_links(self, piece: Objects) -> list[Finding]:
        assert piece.context is not None
        outcomes = {told.members["learning_outcome_id"] for told in piece.objects}
        known = await self._here.known_links(self._tenant, piece.context, outcomes)
        changes, counts = [], self.counted(piece.table)
        links = self._links.setdefault(piece.context, _Links())
        for told in piece.objects:
            counts.seen += 1
            found, id_ = compare.link(told, known, piece.requested_at)
            if found is Left.UNKNOWN_LINK:
                links.unknown[_place(told.members)] = told
                continue
            links.unknown.pop(_place(told.members), None)
            if id_ is not None:
                links.shown.add(id_)
            if isinstance(found, Left):
                self._leave(piece.table, found)
            else:
                changes.append((found, piece.requested_at))
        return await self._settle(changes)

    async def _moves(self, piece: Whole) -> list[tuple[Change, Known]]:
        """Of those in unknown places; what an event has told meanwhile is known."""
        links = self._links.get(piece.context, _Links())
        known = await self._here.known_links(self._tenant, piece.context, {outcome_id for _, outcome_id in links.unknown})
        for place, told in list(links.unknown.items()):
            found, id_ = compare.link(told, known, piece.requested_at)
            if found is not Left.UNKNOWN_LINK:
                del links.unknown[place]
            if id_ is not None:
                links.shown.add(id_)
        return compare.moves(links.unknown.values(), known, links.shown, piece.requested_at)

    async def _take_moves(self, piece: Whole) -> list[Finding]:
        """What was moved is written; in the other unknown places are links whose ids nobody has told.

        As old as what it was, by as little as there is: which link it is was inferred, and any event of it knows better.
        """
        links = self._links.setdefault(piece.context, _Links())
        moves = await self._moves(piece) if links.unknown else []
        for change, _ in moves:
            links.shown.add(change.id)
            del links.unknown[_place(change.body)]
        findings = []
        for told in links.unknown.values():
            self._leave(piece.table, Left.UNKNOWN_LINK)
            findings.append(Finding("missing", piece.table, dict(told.members)))
        return findings + await self._settle([(change, known.event_time + TICK) for change, known in moves])

    async def _take_scale(self, piece: Scale) -> list[Finding]:
        known, feeds_id = await self._here.known_scale(self._tenant, piece.context)
        if piece.ratings is not None and not piece.inherited:
            self.counted("outcome_proficiency").seen += 1
        found = compare.mastery_scale(
            piece.context, piece.ratings, known, piece.requested_at, inherited=piece.inherited, feeds_id=feeds_id
        )
        if isinstance(found, Left):
            if known is not None or not piece.inherited:
                self._leave("outcome_proficiency", found)
            return []
        return await self._settle([(found, piece.requested_at)], key={"id": found.id, **piece.context._asdict()}, kind="scale")

    def _leave(self, table: str, why: Left) -> None:
        counts = self.counted(table)
        setattr(counts, why.value, getattr(counts, why.value) + 1)

    async def _settle(
        self, changes: Sequence[tuple[Change, datetime]], *, key: Mapping[str, Any] | None = None, kind: Kind | None = None
    ) -> list[Finding]:
        """Writes them, where that is wanted, and tells of them."""
        if self._pen is None:
            changes = [(change, at) for change, at in changes if (change.table, change.id) not in self._told_once]
            self._told_once.update((change.table, change.id) for change, _ in changes if change.table == "learning_outcome")
        if not changes:
            return []
        refusals = await self._pen.write(changes) if self._pen is not None else [None] * len(changes)
        findings = []
        for (change, _), refusal in zip(changes, refusals, strict=True):
            counts = self.counted(change.table)
            if refusal is None:
                counts.written += 1
            else:
                counts.refused += 1
                self.refused.append(refusal)
            which: Kind = kind or ("stale" if change.known else "missing")
            repaired = self._pen is not None and refusal is None
            findings.append(Finding(which, change.table, key or {"id": change.id}, change.differences, repaired))
        return findings

    # Grading standards

    async def _take_standards(self, piece: Standards) -> list[Finding]:
        counts, standards = self.counted("grading_standard"), {}
        for told in piece.standards:
            counts.seen += 1
            try:
                standard = _standard(told)
            except ValidationError as error:
                counts.refused += 1
                self.refused.append(f"grading standard {told.id}: {error.errors(include_url=False)[0]['msg']}")
            else:
                standards[standard.id] = standard
        findings, new = [], []
        for one in await self._here.judged(self._tenant, list(standards.values()), piece.requested_at) if standards else ():
            if one.newer or not one.differs:
                self._leave("grading_standard", Left.NEWER_HERE if one.newer else Left.UNCHANGED)
                continue
            counts.written += 1
            new.append(standards[one.id].model_copy(update={"workflow_state": one.canvas["workflow_state"]}))
            differences = tuple(
                Difference(name, one.ours[name], one.canvas[name]) for name in one.canvas if one.ours[name] != one.canvas[name]
            )
            kind: Kind = "stale" if one.known else "missing"
            shown = differences if one.known else ()
            findings.append(Finding(kind, "grading_standard", {"id": one.id}, shown, self._pen is not None))
        if new and self._pen is not None:
            await self._here.take_in(self._tenant, new, piece.requested_at)
        return findings

    # Alignments

    async def _take_alignments(self, piece: Alignments) -> list[Finding]:
        counts = self.counted("outcome_alignment")
        known = await self._aligned(piece.course_id)
        self._gone.setdefault(piece.course_id, set()).update(piece.gone)
        new = []
        for told in _told_alignments(piece.shown, piece.requested_at):
            counts.seen += 1
            left = aligned_again(told, known.get(told.key))
            if left is None:
                new.append(told)
            else:
                self._leave("outcome_alignment", left)
        for outcome_id, assignment_id in piece.proven:
            if (state := proven(known.get((outcome_id, "Assignment", assignment_id)), piece.requested_at)) is not None:
                new.append(state)
        for outcome_id, assignment_id in piece.gone:
            here = known.get((outcome_id, "Assignment", assignment_id), _NOTHING)
            if (state := removed(outcome_id, assignment_id, here, piece.requested_at)) is not None:
                new.append(state)
        if self._pen is not None and new:
            # What is known is as old as the course's first piece: another backfill may have written the same since.
            states = [known.get(state.key, _NOTHING).known for state in new]
            judged = [state.event_time if state is not None else None for state in states]
            await self._here.align(self._tenant, piece.course_id, self._source, new, judged)
        counts.written += len(new)
        findings = [_alignment_finding(piece.course_id, state, known, repaired=self._pen is not None) for state in new]
        known |= {state.key: known.get(state.key, _NOTHING)._replace(known=state) for state in new}
        return findings

    async def _aligned(self, course_id: int) -> dict[tuple[int, str, int], Aligned]:
        """What is known of a course's alignments, read once for all pieces of it: there is one for each assignment."""
        if course_id not in self._alignments:
            while len(self._alignments) >= COURSES_AT_ONCE:
                del self._alignments[next(iter(self._alignments))]
            self._alignments[course_id] = await self._here.aligned(self._tenant, course_id)
        return self._alignments[course_id]

    # What Canvas does not have

    async def doubts(self, piece: Piece) -> bool:
        """Whether a list is to be told once more, before something that it did not show counts as not there."""
        if not isinstance(piece, Whole) or piece.sure:
            return False
        unknown = piece.table == "learning_outcome_link" and bool(self._links.get(piece.context, _Links()).unknown)
        return (unknown and bool(await self._moves(piece))) or (self._thorough and bool(await self._not_shown(piece)))

    async def _take_whole(self, piece: Whole) -> list[Finding]:
        moved = await self._take_moves(piece) if piece.table == "learning_outcome_link" else []
        extra = await self._not_shown(piece) if self._thorough and piece.sure else []  # else there was nothing to doubt
        if piece.table == "learning_outcome_link":
            self._links.pop(piece.context, None)
        if piece.table == "learning_outcome_result":
            self._gone.pop(piece.context.context_id, None)
            there = await self._here.uuids(self._tenant, piece.students)
            judged = [one for one in extra if one.body.get("user_uuid") in there]
            self.counted(piece.table).students_gone += len(extra) - len(judged)
            extra = judged
        deleted = [(compare.deleted(piece.table, one), piece.requested_at) for one in extra]
        return moved + await self._settle(deleted, kind="extra")

    async def _not_shown(self, piece: Whole) -> list[Known]:
        shown, more = piece.shown, list[Any]()
        if piece.table == "learning_outcome_link":
            shown = self._links.get(piece.context, _Links()).shown
        if piece.table == "learning_outcome_result":
            gone = sorted(self._gone.get(piece.context.context_id, set()))
            more = [list(piece.linked), [outcome_id for outcome_id, _ in gone], [assignment_id for _, assignment_id in gone]]
        return await self._here.not_shown(self._tenant, piece.table, piece.context, piece.requested_at, shown, *more)

    async def _take_gone(self, piece: Gone) -> list[Finding]:
        if not self._thorough:
            return []
        known = (await self._here.known(self._tenant, piece.table, [piece.id])).get(piece.id)
        if known is None or not known.active or known.event_time > piece.requested_at:
            return []
        return await self._settle([(compare.deleted(piece.table, known), piece.requested_at)], kind="extra")

    # Rollups

    async def _take_rollups(self, piece: Rollups) -> list[Finding]:
        """A student of several sections is told once for each. Of students whom Canvas does not tell, nothing is known."""
        told: dict[str, dict[int, float | None]] = {}
        ids = {one.links.user for one in piece.rollups if one.links.user is not None}
        users = await self._here.users(self._tenant, ids)
        for one in piece.rollups:
            if one.links.user is not None:
                told.setdefault(one.links.user, {}).update({score.links.outcome: score.score for score in one.scores})
        uuids = {user: compare.user_uuid(user, users) for user in told}
        ours = await self._here.rollups(self._tenant, piece.course_id, set(uuids.values()), piece.requested_at)
        findings, counts = [], self.counted("outcome_rollup")
        for user, scores in told.items():
            mine = {outcome_id: score for (uuid, outcome_id), score in ours.items() if uuid == uuids[user]}
            for outcome_id in sorted(mine.keys() | scores.keys()):
                counts.seen += 1
                here, there = mine.get(outcome_id), scores.get(outcome_id)
                if here == there:
                    counts.unchanged += 1
                else:
                    key = {"course_id": piece.course_id, "user_uuid": uuids[user], "learning_outcome_id": outcome_id}
                    findings.append(Finding("rollup", "outcome_rollup", key, (Difference("score", here, there),)))
        return findings


def _place(link: Mapping[str, Any]) -> tuple[int, int]:
    """Group and outcome."""
    return link["learning_outcome_group_id"], link["learning_outcome_id"]


def aligned_again(told: Alignment, here: Aligned | None) -> Left | None:
    """None where the told alignment is to be written."""
    known = here.known if here is not None else None
    if known is None:
        return None
    if known.event_time >= told.event_time:
        return Left.NEWER_HERE
    return Left.UNCHANGED if known[:-1] == told[:-1] else None


def proven(here: Aligned | None, requested_at: datetime) -> Alignment | None:
    """The state `active` of an alignment that was known as deleted, and of which Canvas shows results."""
    known = here.known if here is not None else None
    if known is None or known.workflow_state != "deleted" or known.event_time >= requested_at:
        return None
    return known._replace(workflow_state="active", event_time=requested_at)


def removed(outcome_id: int, assignment_id: int, here: Aligned, requested_at: datetime) -> Alignment | None:
    """The state `deleted`, where that is news: it was aligned, or results are newer than the last such news.

    An event that is newer than the request proves that it was aligned then.
    """
    known = here.known
    newest = max((time for time in (known and known.event_time, here.newest_result) if time is not None), default=None)
    if newest is None or newest >= requested_at:
        return None
    if known is not None and known.workflow_state == "deleted" and newest == known.event_time:
        return None
    title, kinds, url = (known.title, known.submission_types, known.url) if known is not None else (None, None, None)
    return Alignment(outcome_id, "Assignment", assignment_id, "deleted", title, kinds, url, requested_at)


def _told_alignments(shown: Iterable[rest.OutcomeAlignment], at: datetime) -> Iterator[Alignment]:
    seen = set()
    for one in shown:
        for asset_type, asset_id in (("Assignment", one.assignment_id), ("LiveAssessments::Assessment", one.assessment_id)):
            key = (one.learning_outcome_id, asset_type, asset_id)
            if asset_id is not None and key not in seen:
                seen.add(key)
                yield Alignment(
                    one.learning_outcome_id, asset_type, asset_id, "active", one.title, one.submission_types, one.url, at
                )


def _alignment_finding(
    course_id: int, state: Alignment, known: Mapping[tuple[int, str, int], Aligned], *, repaired: bool
) -> Finding:
    key = {"course_id": course_id, **dict(zip(("learning_outcome_id", "asset_type", "asset_id"), state.key, strict=True))}
    here = known.get(state.key)
    before = here.known if here is not None else None
    names = ("workflow_state", "title", "submission_types", "url")
    differences = tuple(Difference(name, before and getattr(before, name), getattr(state, name)) for name in names)
    return Finding("alignment", "outcome_alignment", key, tuple(one for one in differences if one.ours != one.canvas), repaired)


def _standard(told: rest.GradingStandard) -> Standard:
    """By all rules that hold for one that people bring. Doubles become the decimals that they were printed as."""
    shown = told.model_dump(exclude_none=True)
    shown["grading_scheme"] = [{"name": one.name, "value": Decimal(str(one.value))} for one in told.grading_scheme]
    if told.scaling_factor is not None:
        shown["scaling_factor"] = Decimal(str(told.scaling_factor))
    return Standard.model_validate(shown)
