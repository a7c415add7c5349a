"""Canvas's mastery math once more, in plain Python, so that two implementations can be held against each other.

It knows nothing of the database: it is told events and answers what rollups, scales, summaries and rosters are, at any moment
and as known at any moment. Files ending in .rb are Canvas' own, D1 to D20 the decisions in `docs/explanation/mastery.md`.
`tests/golden` has numbers that real Ruby computed, which it must equal.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tests.reference_math import (
    BEGINNING,
    IDS,
    Alignment,
    Body,
    Place,
    Points,
    Rollup,
    Scale,
    Summary,
    Told,
    Version,
    course_of,
    moment,
    own_points,
    place_of,
    rolled,
    scale_of,
    summed,
    understood,
)
from tests.reference_people import Identity, Member, PastUuid, People, Reading, identities


class ByRest(NamedTuple):
    """What REST told that no event tells."""

    alignments: Sequence[Alignment] = ()
    readings: Sequence[Reading] = ()
    past_uuids: Sequence[PastUuid] = ()


class View:
    """What was so of one tenant at one moment: the versions seen by then, oldest first, and the newest of each object (D14)."""

    def __init__(
        self,
        versions: Sequence[Version],
        switch: str,
        by_rest: ByRest,
        known: Sequence[Identity],
        all_known: Sequence[Identity],
        at: datetime | None,
    ) -> None:
        self.versions = versions
        self._all_known = all_known
        newest = {one[1:4]: one for one in sorted(by_rest.alignments, key=lambda one: one.at)}
        self.removed: dict[tuple[int | None, ...], datetime] = {
            place: one.at for place, one in newest.items() if one.workflow_state == "deleted"
        }
        self.rows: dict[str, dict[int, Version]] = {kind: {} for kind in IDS}
        for version in versions:
            self.rows[version.kind][version.id] = version
        self.people = People(self.rows, versions, known, by_rest.readings, by_rest.past_uuids, at)
        seen = bool(self.rows["outcome_proficiency"] or self.rows["outcome_calculation_method"])
        self.on = seen if switch == "auto" else switch == "on"
        self.scales = self._owned("outcome_proficiency")
        self.methods = self._owned("outcome_calculation_method")
        self.inputs = self._inputs()
        self.links = self._links()
        self._groups: dict[int | None, dict[tuple[str, int], list[Version]]] = {}
        self.deleted = {
            version.id: version.event_time  # the newest: they are in order
            for version in versions
            if version.kind == "learning_outcome" and version.body.get("workflow_state") == "deleted"
        }

    def _owned(self, kind: str) -> dict[Place, Version]:
        """The row of each context, of several the newest, where it is active (D10)."""
        owned: dict[Place, Version] = {}
        for row in sorted(self.rows[kind].values(), key=lambda row: row.order):
            assert place_of(row) not in owned or owned[place_of(row)].order < row.order, f"two newest of {place_of(row)}"
            owned[place_of(row)] = row
        return {place: row for place, row in owned.items() if row.active}

    def _inputs(self) -> dict[int | None, list[Version]]:
        """The results that may count, by course (result_analytics.rb, D1)."""
        inputs: dict[int | None, list[Version]] = defaultdict(list)
        for row in self.rows["learning_outcome_result"].values():
            counts = row.active and row.body.get("score") is not None and not self._unaligned(row)
            if counts and row.body.get("user_uuid") is not None and row.id_of("learning_outcome_id") is not None:
                inputs[course_of(row)].append(row)
        return inputs

    def _grouped(self, course_id: int | None) -> dict[tuple[str, int], list[Version]]:
        """The results that count in a course, by student and outcome, in time order (D4)."""
        if course_id not in self._groups:
            self._groups[course_id] = self._group(course_id)
        return self._groups[course_id]

    def _group(self, course_id: int | None) -> dict[tuple[str, int], list[Version]]:
        groups: dict[tuple[str, int], list[Version]] = defaultdict(list)
        for row in self.inputs.get(course_id, []):
            outcome = row.id_of("learning_outcome_id")
            name = self.people.counts_as(row.body["user_uuid"], row.made, course_id)
            if name is not None and outcome is not None:
                groups[name, outcome].append(row)
        return {key: sorted(rows, key=lambda row: self._time(row, key[0])) for key, rows in groups.items()}

    def _unaligned(self, result: Version) -> bool:
        """Its assignment no longer measured its outcome, and it is not newer than that (D17)."""
        if result.body.get("associated_asset_type") != "Assignment":
            return False
        place = (course_of(result), result.id_of("learning_outcome_id"), result.id_of("associated_asset_id"))
        gone = self.removed.get(place)
        return gone is not None and result.event_time <= gone

    def _time(self, result: Version, name: str) -> tuple[datetime, int]:
        """When the work was handed in, else assessed, in whole seconds; ties by id (rollup_score.rb, D4)."""
        told = moment(result.body.get("assessed_at"))
        artifact, asset = result.id_of("artifact_id"), result.id_of("associated_asset_id")
        if result.body.get("artifact_type") == "RubricAssessment" and artifact in self.rows["rubric_assessed"]:
            told = moment(self.rows["rubric_assessed"][artifact].body.get("submitted_at")) or told
        elif result.body.get("associated_asset_type") == "Assignment" and asset is not None:
            told = self.people.submitted_at(asset, name, told) or told
        return (told.replace(microsecond=0) if told else BEGINNING), result.id

    def _links(self) -> dict[tuple[int | None, int | None], list[Version]]:
        """The links into courses, by course and outcome (content_tag.rb)."""
        links: dict[tuple[int | None, int | None], list[Version]] = defaultdict(list)
        for row in self.rows["learning_outcome_link"].values():
            if row.body.get("context_type") == "Course":
                links[row.id_of("context_id"), row.id_of("learning_outcome_id")].append(row)
        return links

    def hidden(self, course_id: int | None, outcome_id: int) -> bool:
        """A deleted outcome, or one whose known links in the course are all deleted, with it or by themselves (D8)."""
        outcome = self.rows["learning_outcome"].get(outcome_id)
        if outcome is not None and outcome.body.get("workflow_state") == "deleted":
            return True
        linked = self.links.get((course_id, outcome_id), []) if course_id is not None else []
        since = self.deleted.get(outcome_id, BEGINNING)
        gone = [row.body.get("workflow_state") == "deleted" or row.event_time < since for row in linked]
        return bool(gone) and all(gone)

    def root(self) -> int | None:
        """The root account: as accounts tell it, else as hints do, else the only owner of scales and methods (D13)."""
        accounts = self.rows["account"].values()
        roots = [row.id for row in accounts if row.id_of("parent_account_id") is None]
        named = [root for row in accounts if (root := row.id_of("root_account_id")) is not None]
        if roots or named:
            return min(roots or named)
        hints = [
            (version.event_time, root)
            for version in self.versions
            if version.metadata.get("context_type") is not None and (root := version.hint("root_account_id")) is not None
        ]
        return max(hints)[1] if hints else self._only_owner()

    def _only_owner(self) -> int | None:
        """The account of all scales and methods of accounts, if it is one (D13)."""
        rows = [*self.rows["outcome_proficiency"].values(), *self.rows["outcome_calculation_method"].values()]
        owners = {owner for kind, owner in map(place_of, rows) if kind == "Account"}
        return owners.pop() if len(owners) == 1 else None

    def account_of(self, course_id: int) -> int | None:
        """The account of a course: as the course tells it, else as the newest hint does, else the root (D11, D12)."""
        course = self.rows["course"].get(course_id)
        told = course.id_of("account_id") if course else None
        if told is not None:
            return told
        hints = [
            (version.event_time, account)
            for version in self.versions
            if version.metadata.get("context_type") == "Course"
            and version.hint("context_id") == course_id
            and (account := version.hint("context_account_id")) is not None
        ]
        return max(hints)[1] if hints else self.root()

    def upwards(self, account_id: int | None) -> Iterator[int]:
        """An account, its parent and so on, up to one without parent; the root, where the tree is not known so far (D11)."""
        walked: list[int] = []
        while account_id is not None and account_id not in walked:
            walked.append(account_id)
            account = self.rows["account"].get(account_id)
            account_id = account.id_of("parent_account_id") if account else None
            if account and account_id is None:
                yield from walked
                return
        yield from walked
        root = self.root()
        if root is not None and root not in walked:
            yield root

    def chain(self, context_type: str, context_id: int | None) -> list[Place]:
        """What a course or an account inherits from, nearest first (account.rb, D10); an unknown one has the root."""
        if context_id is None:
            return [("Account", account) for account in self.upwards(None)]
        if context_type == "Course":
            return [("Course", context_id), *(("Account", account) for account in self.upwards(self.account_of(context_id)))]
        return [("Account", account) for account in self.upwards(context_id)] if context_type == "Account" else []

    def nearest(self, owned: Mapping[Place, Version], context_type: str, context_id: int | None) -> Version | None:
        """The nearest active row, if account-level scales are on (account.rb, D10)."""
        chain = self.chain(context_type, context_id) if self.on else []
        return next((owned[place] for place in chain if place in owned), None)

    def rollups(self, course_id: int | None) -> dict[tuple[str, int], Rollup]:
        """The rollups of a course."""
        return self._rollups(course_id, self._grouped(course_id))

    def _rollups(
        self, course_id: int | None, groups: Mapping[tuple[str, int], Sequence[Version]]
    ) -> dict[tuple[str, int], Rollup]:
        scale = self.nearest(self.scales, "Course", course_id)
        method = self.nearest(self.methods, "Course", course_id)
        found = {}
        for (user, outcome), rows in groups.items():
            if not self.hidden(course_id, outcome):
                rollup = rolled(rows, self._method(method, outcome), self._points(scale, outcome))
                if rollup is not None:
                    found[user, outcome] = rollup
        return found

    def students(self, course_id: int) -> set[str]:
        """Whose rows the gradebook has: enrolled ones, and others of whom any result in the course counts."""
        roster = self.people.roster(course_id).items()
        enrolled = {member.user_uuid or f"id:{user}" for user, member in roster if member.standing == "enrolled"}
        results = [row for row in self.rows["learning_outcome_result"].values() if course_of(row) == course_id]
        named = [(row.body["user_uuid"], row.made) for row in results if row.body.get("user_uuid") is not None]
        return enrolled | {name for one in named if (name := self.people.counts_as(*one, course_id)) is not None}

    def shown(self, course_id: int | None, student: str) -> bool:
        """Whether a student who is asked for is in the course."""
        return self.people.shown(student, course_id, self._all_known)

    def asked(self, course_id: int | None, student: str, outcome: int) -> Rollup | None:
        """The rollup of somebody who is asked for: who has no row by that name is found as the user who has the uuid."""
        if course_id is None or self.people.names_row(student, course_id, self._all_known):
            rows = self._grouped(course_id).get((student, outcome), [])
        else:
            named = [row for row in self.inputs.get(course_id, []) if self.people.is_of(row, student)]
            rows = [row for row in named if row.id_of("learning_outcome_id") == outcome]
            rows.sort(key=lambda row: self._time(row, student))
        return self._rollups(course_id, {(student, outcome): rows}).get((student, outcome)) if rows else None

    def _points(self, scale: Version | None, outcome_id: int) -> Points:
        """Of the scale, else of the outcome's own criterion (result_analytics.rb)."""
        if scale is not None:
            found = scale_of(scale)
            return Points(found.points_possible, found.mastery_points, found.ratings)
        outcome = self.rows["learning_outcome"].get(outcome_id)
        return own_points(outcome.body.get("rubric_criterion", {}) if outcome else {})

    def _method(self, method: Version | None, outcome_id: int) -> Body:
        """The row that says how to calculate: the inherited method, else the outcome itself (result_analytics.rb)."""
        row = method or self.rows["learning_outcome"].get(outcome_id)
        return row.body if row else {}

    def summaries(self, course_id: int | None) -> dict[int, Summary]:
        """The outcomes of a course over its students (rollup_score_aggregator_helper.rb, D15)."""
        rollups = self.rollups(course_id)
        scale = self.nearest(self.scales, "Course", course_id)
        grouped: dict[int, list[Rollup]] = defaultdict(list)
        for (_, outcome), rollup in rollups.items():
            grouped[outcome].append(rollup)
        students = len({user for user, _ in rollups})
        return {outcome: summed(rows, students, self._points(scale, outcome)) for outcome, rows in grouped.items()}


class Reference:
    """All that was told, and what follows from it by Canvas's rules for every moment (D14).

    `switch` says per tenant whether account-level scales are `on`, `off`, or `auto`: on once a scale or a calculation method of
    the tenant has been seen (D9).
    """

    def __init__(
        self,
        told: Iterable[Told],
        switch: Mapping[str, str] | None = None,
        alignments: Sequence[Alignment] = (),
        readings: Sequence[Reading] = (),
        past_uuids: Sequence[PastUuid] = (),
    ) -> None:
        self._by_rest = ByRest(alignments, readings, past_uuids)
        self._switch = dict(switch or {})
        self._versions: dict[str, list[Version]] = defaultdict(list)
        self._views: dict[tuple[str, datetime | None, datetime | None], View] = {}
        known: dict[tuple[Any, ...], Body] = {}
        for one in sorted(told, key=lambda one: one.recorded_at):
            if (found := understood(one)) is not None:
                tenant, version = found
                key = (tenant, version.kind, version.id, version.order)
                if key not in known:
                    self._versions[tenant].append(version)
                assert known.setdefault(key, version.body) == version.body, f"nothing tells which is newer: {key}"
        for versions in self._versions.values():
            versions.sort(key=lambda version: version.order)

    def _view(self, tenant: str, at: datetime | None, known_at: datetime | None) -> View:
        """What was so at a moment, as known at a moment; none = now (D14)."""

        def seen_by(one: Alignment | Reading | PastUuid) -> bool:
            recorded = known_at is None or one.recorded_at <= known_at
            return one.tenant == tenant and (at is None or one.at <= at) and recorded

        if (tenant, at, known_at) not in self._views:
            seen = [
                version
                for version in self._versions.get(tenant, [])
                if (at is None or version.event_time <= at) and (known_at is None or version.recorded_at <= known_at)
            ]
            by_rest = ByRest(
                [one for one in self._by_rest.alignments if seen_by(one)],
                [one for one in self._by_rest.readings if seen_by(one)],
                [one for one in self._by_rest.past_uuids if seen_by(one)],
            )
            all_ = self._versions.get(tenant, [])
            switch = self._switch.get(tenant, "auto")
            self._views[tenant, at, known_at] = View(
                seen, switch, by_rest, identities(all_, known_at), identities(all_, None), at
            )
        return self._views[tenant, at, known_at]

    def rollups(
        self, tenant: str, course_id: int | None, at: datetime | None = None, known_at: datetime | None = None
    ) -> dict[tuple[str, int], Rollup]:
        """The rollups of a course by student and outcome; those without a score are not there (result_analytics.rb)."""
        return self._view(tenant, at, known_at).rollups(course_id)

    def scale(
        self,
        tenant: str,
        context_type: str,
        context_id: int,
        at: datetime | None = None,
        known_at: datetime | None = None,
    ) -> Scale | None:
        """The nearest active scale of a course or an account, if account-level scales are on (account.rb, D10)."""
        view = self._view(tenant, at, known_at)
        row = view.nearest(view.scales, context_type, context_id)
        return scale_of(row) if row else None

    def summaries(
        self, tenant: str, course_id: int | None, at: datetime | None = None, known_at: datetime | None = None
    ) -> dict[int, Summary]:
        """The outcomes of a course that have a rollup, over its students (rollup_score_aggregator_helper.rb, D15)."""
        return self._view(tenant, at, known_at).summaries(course_id)

    def roster(
        self, tenant: str, course_id: int, at: datetime | None = None, known_at: datetime | None = None
    ) -> dict[int, Member]:
        """Who is, or was, a student of a course, by user id (course.rb, `all_students`)."""
        return self._view(tenant, at, known_at).people.roster(course_id)

    def students(self, tenant: str, course_id: int, at: datetime | None = None) -> set[str]:
        """Whose rows the gradebook of a course has."""
        return self._view(tenant, at, None).students(course_id)

    def asked(
        self, tenant: str, course_id: int | None, student: str, outcome: int, at: datetime | None = None
    ) -> Rollup | None:
        """The rollup of a student who is asked for, who may have left."""
        return self._view(tenant, at, None).asked(course_id, student, outcome)

    def timeline(
        self, tenant: str, course_id: int | None, user_uuid: str, learning_outcome_id: int
    ) -> list[tuple[datetime, Rollup | None, bool]]:
        """Each moment from the first score on at which the rollup is another, or the student left or came back.

        The time of the newest assessment is no difference; no rollup = it vanished (D16).
        """
        found: list[tuple[datetime, Rollup | None, bool]] = []
        before: tuple[Rollup | None, bool] | None = None
        times = {version.event_time for version in self._versions.get(tenant, [])}
        times |= {one.at for kind in self._by_rest for one in kind if one.tenant == tenant}
        for time in sorted(times):
            view = self._view(tenant, time, None)
            rollup = view.asked(course_id, user_uuid, learning_outcome_id)
            now = (rollup._replace(last_assessed_at=None) if rollup else None), view.shown(course_id, user_uuid)
            if now != before and (before is not None or rollup is not None):
                found.append((time, rollup, now[1]))
                before = now
        return found
