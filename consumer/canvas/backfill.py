"""`outcomes backfill`: what the feed never told, asked of Canvas and written through the one write path.

What REST says becomes a version of our own, `<table>_backfilled`, at the moment when its request began (`schemas.snapshots`), a
record of the source `canvas:` and the host. Alignments, grading standards and users have no event; they are written beside it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from consumer import log
from consumer.canvas.client import CanvasClient
from consumer.canvas.compare import Change
from consumer.canvas.examine import Counts, Examiner, Finding
from consumer.canvas.observations import Objects, Piece, Unanswered, Whole
from consumer.canvas.projection import Begun, Here
from consumer.canvas.survey import Place, Scope, Survey, scopes
from consumer.errors import CanvasAway, CanvasError, CanvasSurprise, LostPartition, OutcomesError, RefusedRow
from consumer.ingest.batch import Batch, Books, Partition
from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import RawRecord, Rejected
from consumer.ingest.tables import CANVAS
from consumer.settings import Settings
from consumer.store.retrying import StoppableRetry, Stopped
from consumer.store.store import Store

AT_ONCE = 3
"""Accounts or courses that are asked about at the same time, a request each: Canvas' bucket holds more."""

MOST_FAILING = 10
"""So many accounts or courses may be left out because Canvas fails at them time after time."""

MOST_AHEAD_SECONDS = 5
"""How far our clock may be ahead of Canvas' before that is said."""

GO_ON = "run it again to go on from here"

Signals = Callable[[Callable[[], None]], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Progress:
    """For a progress bar."""

    label: str
    """The scope: `account:1`."""
    done: int
    steps: int | None
    """None until the tree is known."""
    objects: int
    """That Canvas told, in all scopes so far."""


@dataclass(slots=True)
class Run:
    """What became of one scope."""

    scope: str
    tenant: str
    steps: int = 0
    done: int = 0
    """Those that are written whole, in this run or in the one that it goes on with."""
    resumed_from: datetime | None = None
    """When the backfill was begun that this one goes on with."""
    finished: bool = False
    """Whether it came to its end and left nothing out."""


@dataclass(slots=True)
class Report:
    """What was found and done."""

    source: str = ""
    books: Books = field(default_factory=Books)
    seconds: float = 0.0
    requests: int = 0
    """Sent to Canvas, answered or not; each page is one."""
    runs: list[Run] = field(default_factory=list)
    tables: dict[str, Counts] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """What Canvas told and could not save itself, a sentence each; not stored."""
    troubles: list[str] = field(default_factory=list)
    """What was not answered or ended it, a sentence each."""
    remarks: list[str] = field(default_factory=list)
    """What an operator may want to know; nothing is wrong."""

    @property
    def finished(self) -> bool:
        """Whether all that was asked for was answered."""
        return bool(self.runs) and all(run.finished for run in self.runs)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "source": self.source,
            "finished": self.finished,
            **self.books.as_json(),
            "seconds": round(self.seconds, 3),
            "requests": self.requests,
            "tables": {name: counts.as_json() for name, counts in sorted(self.tables.items())},
            "runs": [{name: getattr(run, name) for name in run.__slots__} for run in self.runs],
            "refused": self.refused,
            "troubles": self.troubles,
            "remarks": self.remarks,
        }


class Pen:
    """Writes changes as records of a source of our own. Not for two tasks at once."""

    def __init__(
        self, store: Store, patience: StoppableRetry, rules: Rules, source: str, tenant: str, label: str, at_most: int
    ) -> None:
        self._store = store
        self._patience = patience
        self._rules = rules
        self._partition = Partition(source, 0)
        self._tenant = tenant
        self._label = label
        self._at_most = at_most
        self._position: int | None = None
        self.books = Books()

    async def write(self, changes: Sequence[tuple[Change, datetime]]) -> Sequence[str | None]:
        """One transaction for each `at_most`; why each was refused, or None. Raises `LostPartition`, `Fatal`, `Stopped`."""
        refusals: list[str | None] = []
        for start in range(0, len(changes), self._at_most):
            refusals += await self._write(changes[start : start + self._at_most])
        return refusals

    async def _write(self, changes: Sequence[tuple[Change, datetime]]) -> list[str | None]:
        if self._position is None:
            self._position = await self._opened()
        batch, at, refusals, now = Batch(), self._position, list[str | None](), datetime.now(UTC)
        for change, moment in changes:
            record = RawRecord(*self._partition, at, _event(change, moment, self._tenant))
            verdicts = decode(record, self._rules, now)
            refusal = next((one for one in verdicts if isinstance(one, Rejected)), None)
            if refusal is not None:
                refusals.append(f"{change.table} {change.id}: {refusal.path}: {refusal.message}")
                continue
            batch.add(verdicts)
            batch.bytes += len(record.value or b"")
            refusals.append(None)
            at += 1
        if at > self._position:
            batch.advance(self._partition, self._position, at)
            books = await self._patience.patiently(lambda: self._store.write(batch))
            self._position = at
            self.books = sum(books.values(), self.books)
        return refusals

    async def _opened(self) -> int:
        """Where the source stands; it begins with 1."""
        store, partition = self._store, self._partition
        await self._patience.patiently(lambda: store.open_position(partition, 1, self._label))
        return (await self._patience.patiently(lambda: store.positions([partition])))[partition]


def _event(change: Change, moment: datetime, tenant: str) -> bytes:
    metadata = {"event_name": change.event_name, "event_time": moment, "root_account_uuid": tenant}
    return orjson.dumps({"metadata": metadata, "body": change.body}, option=orjson.OPT_UTC_Z)


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done."""

    account: int | None = None
    course: int | None = None
    tenant: str | None = None
    writing: bool = True
    thorough: bool = False
    """Also what Canvas does not have, and rollups: for `reconcile`."""
    resuming: bool = True
    """Goes on with an unfinished run of its scope, and notes its own steps; else each run is whole."""
    again: bool = False
    """Begins anew although an earlier run is unfinished."""


class Walk:
    """One run over all scopes of a task. `found` hears of each difference."""

    def __init__(
        self,
        client: CanvasClient,
        here: Here,
        store: Store,
        patience: StoppableRetry,
        settings: Settings,
        task: Task,
        found: Callable[[Finding], None],
        show: Callable[[Progress], None],
    ) -> None:
        self._client = client
        self._here = here
        self._store = store
        self._patience = patience
        self._settings = settings
        self._task = task
        self._found = found
        self._told = set[tuple[str, str, str]]()
        """Differences that were told: a list that is told twice tells them twice."""
        self._show = show
        self._turn = asyncio.Lock()
        """What a piece finds is written before another task looks: two courses may show the same outcome."""
        self._log = log.get("canvas")
        self._given_up = False
        self._failing = 0
        """Steps in which Canvas failed time after time, and answered something else meanwhile."""
        self.report = Report(source=f"{CANVAS}{client.host}")

    async def run(self) -> Report:
        """Raises `Fatal` and `UsageError`; whatever Canvas does is a trouble in the report."""
        begun, report, task = time.monotonic(), self.report, self._task
        try:
            await self._patience.patiently(self._store.check)
            asked = scopes(self._client, self._here, task.account, task.course, task.tenant)
            for scope in await self._patience.unless_stopped(asked):
                if not await self._scope(scope):
                    break
        except Stopped:
            self._trouble("stopped before it began")
        except CanvasError as error:
            self._trouble(str(error))
        if self._client.ahead_seconds > MOST_AHEAD_SECONDS:
            self._trouble(
                f"this machine's clock is {self._client.ahead_seconds:.0f} seconds ahead of Canvas': what Canvas has told now "
                "hides what its events tell of that time; set the clock, and run this again after it"
            )
        report.seconds = time.monotonic() - begun
        report.requests = self._client.requests
        self._log.info(
            "canvas",
            source=report.source,
            writing=task.writing,
            applied=report.books.applied,
            consumed=report.books.consumed,
            requests=report.requests,
            troubles=len(report.troubles),
            seconds=round(report.seconds, 3),
        )
        return report

    async def _scope(self, scope: Scope) -> bool:
        """False where nothing more is to be asked."""
        task, report = self._task, self.report
        run = Run(str(scope), scope.tenant)
        report.runs.append(run)
        pen = None
        if task.writing:
            rules = Rules(max_record_bytes=2**31, max_future=self._settings.max_future)
            label = self._settings.canvas_url or ""
            pen = Pen(self._store, self._patience, rules, report.source, scope.tenant, label, self._settings.batch_size)
        examiner = Examiner(self._here, scope.tenant, report.source, pen, thorough=task.thorough)
        survey = Survey(self._client, self._here, scope, rollups=task.thorough)
        noted: Begun | None = None
        ended = False
        try:
            if task.writing and task.resuming:
                if task.again:
                    await self._here.give_up(scope.tenant, report.source, run.scope)
                noted = await self._here.begin(scope.tenant, report.source, run.scope)
                run.resumed_from = noted.begun_at if noted.again else None
            await self._steps(run, survey, examiner, noted)
            if not self._patience.stopped:
                await self._end(survey, examiner, scope)
                if noted is not None:  # what Canvas never answers must not keep all else from being asked anew
                    await self._here.finish(noted.id)
                run.finished = run.done == run.steps
                ended = True
        except Stopped:
            pass
        except (CanvasError, LostPartition) as error:
            self._give_up(error)
        finally:
            self._add_up(examiner, pen)
        if not ended and not self._given_up:
            going_on = f"; {GO_ON}" if task.writing and task.resuming else ""
            self._trouble(f"{scope}: stopped after {run.done} of {run.steps or '?'} steps{going_on}")
        return ended

    async def _steps(self, run: Run, survey: Survey, examiner: Examiner, noted: Begun | None) -> None:
        whole = await self._step("tree", survey.tree(), survey, examiner)
        places = list(survey.places())
        run.steps, run.done = 1 + len(places), int(whole)
        if noted is not None and whole:
            await self._here.finish_step(noted.id, "tree")
        before = noted.steps if noted is not None else frozenset[str]()
        run.done += sum(place.step in before for place in places)
        left = iter([place for place in places if place.step not in before])
        tasks = [asyncio.ensure_future(self._work(left, run, survey, examiner, noted)) for _ in range(AT_ONCE)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, places: Iterator[Place], run: Run, survey: Survey, examiner: Examiner, noted: Begun | None) -> None:
        """Does what is left, one place after the other; three of these share the places."""
        for place in places:
            try:
                if not await self._step(place.step, survey.place(place), survey, examiner):
                    continue  # it is asked again by whoever goes on with this run
                if noted is not None:
                    await self._here.finish_step(noted.id, place.step)
                run.done += 1
                self._progress(run, examiner)
            except (CanvasSurprise, RefusedRow) as error:
                self._leave_out(place, error)
            except CanvasAway as error:
                if not await self._still_answers(survey):
                    self._give_up(error)
                    return
                self._leave_out(place, error)
            except (CanvasError, LostPartition) as error:
                self._give_up(error)
                return
            except Stopped:
                return

    def _leave_out(self, place: Place, error: OutcomesError) -> None:
        self._trouble(f"{place.step}: {error}; the rest of this step was left out")

    async def _still_answers(self, survey: Survey) -> bool:
        """Whether it is one question that Canvas always fails at; after some of these it is taken to be away."""
        self._failing += 1
        if self._failing > MOST_FAILING or self._patience.stopped:
            return False
        try:
            await self._patience.unless_stopped(survey.answers())
        except (CanvasError, Stopped):
            return False
        return True

    async def _step(
        self, name: str, pieces: AsyncIterator[Piece], survey: Survey, examiner: Examiner, *, again: bool = False
    ) -> bool:
        """Whether all was answered. `again`: of a list that is told once more the objects are counted already."""
        whole = True
        try:
            while (piece := await self._patience.unless_stopped(anext(pieces, None))) is not None:
                if isinstance(piece, Unanswered):
                    whole = False
                    self._trouble(f"{name}: {piece.sentence}; this was left out")
                async with self._turn:
                    doubtful = await examiner.doubts(piece)
                    before = deepcopy(examiner.counts) if again and isinstance(piece, Objects) else None
                    for finding in await examiner.take(piece) if not doubtful else ():
                        self._tell(finding)
                    examiner.counts = before or examiner.counts
                if doubtful and isinstance(piece, Whole):
                    whole = await self._step(name, survey.again(piece), survey, examiner, again=True) and whole
        finally:
            await pieces.aclose()  # type: ignore[attr-defined]  # it is a generator
        return whole

    def _tell(self, finding: Finding) -> None:
        mark = (finding.kind, finding.table, repr(sorted(finding.key.items())))
        if mark not in self._told:
            self._told.add(mark)
            self._found(finding)

    async def _end(self, survey: Survey, examiner: Examiner, scope: Scope) -> None:
        await examiner.name_users()
        results = examiner.counts.get("learning_outcome_result")
        if results is not None and results.students_gone:
            self.report.remarks.append(
                f"{scope}: {results.students_gone} active results are of students whom Canvas does not show in their course; "
                "they were left as they are"
            )
        links = examiner.counts.get("learning_outcome_link")
        if links is not None and links.unknown_links:
            self.report.remarks.append(
                f"{scope}: {links.unknown_links} links have no id in REST, and no event has told them: they stay unknown"
            )
        if survey.own is None or not (self._task.writing or self._task.thorough):
            return  # a dry run does not write the scales that would tell
        here = await self._here.account_level(scope.tenant)
        if here == survey.own:
            value, whose = ("off", "the outcomes' own criteria") if survey.own else ("on", "account-level scales")
            self.report.remarks.append(
                f"Canvas computes with {whose}, and this projection does not: "
                f"`outcomes account-level-scales {value}` makes it do as Canvas does"
            )

    def _give_up(self, error: Exception) -> None:
        """Nothing else would work either; the others end too."""
        match error:
            case LostPartition():
                sentence = "another backfill or repair from the same Canvas is running; run this again when that is done"
            case CanvasAway() if self._task.writing and self._task.resuming:
                sentence = f"{error}; {GO_ON}"
            case _:
                sentence = str(error)
        self._trouble(sentence)
        self._given_up = True
        self._patience.stop()

    def _trouble(self, sentence: str) -> None:
        if sentence not in self.report.troubles:
            self.report.troubles.append(sentence)

    def _progress(self, run: Run, examiner: Examiner) -> None:
        objects = sum(counts.seen for tables in (self.report.tables, examiner.counts) for counts in tables.values())
        self._show(Progress(run.scope, run.done, run.steps or None, objects))

    def _add_up(self, examiner: Examiner, pen: Pen | None) -> None:
        report = self.report
        report.refused += examiner.refused
        report.books += pen.books if pen is not None else Books()
        if pen is not None and pen.books.quarantined:
            self._trouble(f"Postgres refused {pen.books.quarantined} versions; `outcomes quarantine list` shows them")
        for name, counts in examiner.counts.items():
            total = report.tables.setdefault(name, Counts())
            for part in Counts.__slots__:
                setattr(total, part, getattr(total, part) + getattr(counts, part))


def _nothing(_: Finding) -> None:
    """A backfill counts; it does not list."""


async def backfill(
    dsn: str,
    settings: Settings,
    signals: Signals,
    task: Task,
    *,
    say: Callable[[str], None],
    show: Callable[[Progress], None],
    found: Callable[[Finding], None] = _nothing,
    client: CanvasClient | None = None,
) -> Report:
    """Walks over all that a task is about. `client`: another one than that of the settings.

    Raises `UsageError` where Canvas or the tenant is not named, or what is named is not there, and `Fatal`. Whatever else
    Canvas does is a trouble in the report.
    """
    patience = StoppableRetry(say, "canvas")
    here = Here(dsn, patience, statement_seconds=settings.statement_seconds)
    store = Store(dsn, statement_seconds=settings.statement_seconds)
    try:
        async with client or CanvasClient.of(settings) as asking:
            walk = Walk(asking, here, store, patience, settings, task, found, show)
            with signals(patience.stop):
                return await walk.run()
    finally:
        try:
            await store.close()
        finally:  # also where it is cancelled just then
            await here.close()
