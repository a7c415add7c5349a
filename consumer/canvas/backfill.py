"""`outcomes backfill`: asks Canvas what the feed never delivered, and writes it through the same path as the feed.

A change becomes an event of our own, `<table>_backfilled`, at the time of the request (`schemas.snapshots`), with the source
`canvas:` and the host. Alignments, grading standards and users have no events; they are stored directly.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from consumer import log
from consumer.canvas.client import CanvasClient, Context
from consumer.canvas.examining.examined import Counts, Finding, StepMemory
from consumer.canvas.examining.examiner import Examiner
from consumer.canvas.observations import ListEnd, Objects, Observation, Unanswered
from consumer.canvas.projection import Projection, Session, UnfinishedRun
from consumer.canvas.report import Progress, Report, ScopeReport
from consumer.canvas.snapshot_writer import SnapshotWriter
from consumer.canvas.survey import Scope, Step, Survey, scopes
from consumer.errors import CanvasAway, CanvasError, CanvasSurprise, LostPartition, RefusedRow, UsageError
from consumer.ingest.tables import CANVAS
from consumer.settings import Settings
from consumer.store.retrying import StoppableRetry, Stopped
from consumer.store.store import Store

AT_ONCE = 3
"""Accounts or courses at a time, with one request each: Canvas' bucket has room for more."""

MAX_FAILED_STEPS = 10
"""Steps that may fail while Canvas answers other requests; with one more, Canvas counts as away."""

MAX_AHEAD_SECONDS = 5
"""Our clock may be ahead of Canvas' by this much without a warning."""

RESUME = "run it again to resume here"

Signals = Callable[[Callable[[], None]], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Task:
    """A command's options."""

    account: int | None = None
    course: int | None = None
    tenant: str | None = None
    writing: bool = True
    thorough: bool = False
    """Also find what Canvas does not have, and compare rollups: for `reconcile`."""
    resuming: bool = True
    """Resume an unfinished run of the scope, and record steps."""
    again: bool = False
    """Start from the beginning, even if an earlier run is unfinished."""
    rosters: bool = False
    """Read people and places instead of outcomes and results."""
    due: bool = False
    """Only the rosters that a SIS import may have changed without events. What was read is not due any more."""

    def scope(self, context: Context) -> str:
        """`account:1`, or `account:1 rosters`: a run of the one resumes none of the other."""
        return context.step + (" rosters" if self.rosters else "")


@dataclass(slots=True)
class BackfillRun:
    """One command, over all its scopes."""

    client: CanvasClient
    session: Session
    store: Store
    retry: StoppableRetry
    settings: Settings
    task: Task
    found: Callable[[Finding], None]
    """Receives each difference."""
    show: Callable[[Progress], None]
    report: Report = field(default_factory=Report)
    failed_steps: int = 0
    """Steps that Canvas failed at, while it answered other requests."""

    async def run(self) -> Report:
        """Raises `Fatal` and `UsageError`; any failure of Canvas is a trouble in the report."""
        begun, report, task = time.monotonic(), self.report, self.task
        report.source = f"{CANVAS}{self.client.host}"
        projections: dict[str, Projection] = {}
        try:
            await self.retry.patiently(self.store.check)
            if task.writing:
                await self.retry.patiently(lambda: self.store.remove_names(self.settings.people))
            found = scopes(self.client, self.session, task.account, task.course, task.tenant)
            for scope in await self.retry.unless_stopped(found):
                tenant = scope.tenant
                names = self.settings.people == "names"
                new = Projection(self.session, tenant, report.source, writing=task.writing, names=names)
                if not await ScopeRun(self, scope, projections.setdefault(tenant, new)).run():
                    break
        except Stopped:
            report.add_trouble("stopped before it began")
        except CanvasError as error:
            report.add_trouble(str(error))
        if self.client.ahead_seconds > MAX_AHEAD_SECONDS:
            report.add_trouble(
                f"this machine's clock is {self.client.ahead_seconds:.0f} seconds ahead of Canvas': what we read now overrides "
                "events of that time; set the clock, then run this again"
            )
        report.seconds = time.monotonic() - begun
        report.requests = self.client.requests
        log.get("canvas").info(
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


class ScopeRun:
    """One scope of a run."""

    def __init__(self, run: BackfillRun, scope: Scope, projection: Projection) -> None:
        task = run.task
        self._run = run
        self._projection = projection
        self._writer = (
            SnapshotWriter(run.store, run.retry, run.settings, run.report.source, scope.tenant) if task.writing else None
        )
        self._examiner = Examiner(projection, self._writer, thorough=task.thorough)
        self._survey = Survey(run.client, projection, scope, rollups=task.thorough, rosters=task.rosters)
        self._turn = asyncio.Lock()
        """An observation's changes are written before the next comparison: two courses may show one outcome."""
        self._report = ScopeReport(task.scope(scope.context), scope.tenant)
        self._record: UnfinishedRun | None = None
        """The steps that a backfill records."""
        self._gave_up = False

    async def run(self) -> bool:
        """False if nothing more is to be asked."""
        task, report, ended = self._run.task, self._report, False
        self._run.report.runs.append(report)
        try:
            if task.writing and task.resuming:
                if task.again:
                    await self._projection.discard_unfinished(report.scope)
                self._record = await self._projection.begin_or_resume(report.scope)
                report.resumed_from = self._record.begun_at if self._record.resumed else None
            await self._steps()
            if not self._run.retry.stopped:
                await self._end()
                if self._record is not None:  # also with refused requests: the next run asks everything again
                    await self._projection.finish(self._record.id)
                report.finished = report.done == report.steps
                ended = True
        except Stopped:
            pass
        except (CanvasError, LostPartition) as error:
            self._give_up(error)
        finally:
            self._add_up()
        if not ended and not self._gave_up:
            resume = f"; {RESUME}" if task.writing and task.resuming else ""
            self._trouble(f"{report.scope}: stopped after {report.done} of {report.steps or '?'} steps{resume}")
        return ended

    async def _steps(self) -> None:
        complete = await self._step("tree", self._survey.tree())
        due = await self._projection.due_rosters() if self._run.task.due else None
        steps = [step for step in self._survey.steps() if due is None or step.context.context_id in due]
        self._report.steps, self._report.done = 1 + len(steps), int(complete)
        if self._record is not None and complete:
            await self._projection.finish_step(self._record.id, "tree")
        before = self._record.steps if self._record is not None else frozenset[str]()
        self._report.done += sum(step.context.step in before for step in steps)
        remaining = iter([step for step in steps if step.context.step not in before])
        tasks = [asyncio.ensure_future(self._work(remaining)) for _ in range(AT_ONCE)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, steps: Iterator[Step]) -> None:
        """Does one step after the other; several of these share the steps."""
        for step in steps:
            try:
                if not await self._step(step.context.step, self._survey.observe(step)):
                    continue  # the run that resumes this one asks again
                if self._record is not None:
                    await self._projection.finish_step(self._record.id, step.context.step)
                self._report.done += 1
                self._progress()
            except (CanvasSurprise, RefusedRow, CanvasAway) as error:
                if isinstance(error, CanvasAway) and not await self._still_answers():
                    self._give_up(error)
                    return
                self._trouble(f"{step.context.step}: {error}; the rest of this step was skipped")
            except (CanvasError, LostPartition) as error:
                self._give_up(error)
                return
            except Stopped:
                return

    async def _still_answers(self) -> bool:
        """Whether Canvas fails at one request only."""
        self._run.failed_steps += 1
        if self._run.failed_steps > MAX_FAILED_STEPS or self._run.retry.stopped:
            return False
        try:
            await self._run.retry.unless_stopped(self._survey.ping())
        except (CanvasError, Stopped):
            return False
        return True

    async def _step(self, name: str, observations: AsyncIterator[Observation], relisted: StepMemory | None = None) -> bool:
        """Whether Canvas answered everything. `relisted`: the memory of the step whose list is read once more."""
        complete, memory = True, relisted or StepMemory()
        try:
            while (seen := await self._run.retry.unless_stopped(anext(observations, None))) is not None:
                if isinstance(seen, Unanswered):
                    complete = False
                    self._trouble(f"{name}: {seen.sentence}; this was skipped")
                async with self._turn:
                    again = None
                    if isinstance(seen, ListEnd) and await self._examiner.needs_relisting(seen, memory):
                        again = self._survey.relist(seen)
                    counting = relisted is None or not isinstance(seen, Objects)
                    for finding in await self._examiner.take(seen, memory, counting=counting) if again is None else ():
                        self._run.found(finding)
                if again is not None:
                    complete = await self._step(name, again, memory) and complete
        finally:
            await observations.aclose()  # type: ignore[attr-defined]  # it is a generator
        return complete

    async def _end(self) -> None:
        counts, scope, remarks = self._examiner.counts, self._report.scope, self._run.report.remarks
        await self._examiner.name_users()
        if gone := counts.get("learning_outcome_result", Counts()).students_gone:
            remarks.append(
                f"{scope}: {gone} active results are of students whom Canvas does not show in the course; we keep them"
            )
        if unknown := counts.get("learning_outcome_link", Counts()).unknown_links:
            remarks.append(f"{scope}: {unknown} links stay unknown: REST shows no ids, and no event showed them")
        own_criteria = self._survey.own_criteria
        if own_criteria is None or not (self._run.task.writing or self._run.task.thorough):
            return  # a dry run does not write the scales that our setting depends on
        if await self._projection.account_level_scales() == own_criteria:
            value, theirs = ("off", "the outcomes' own criteria") if own_criteria else ("on", "account-level scales")
            remarks.append(
                f"Canvas computes with {theirs}, and we do not: `outcomes account-level-scales {value}` changes that"
            )

    def _give_up(self, error: Exception) -> None:
        """Stops all tasks: nothing else would work either."""
        match error:
            case LostPartition():
                sentence = "another backfill or repair from the same Canvas is running; run this again after it"
            case CanvasAway() if self._run.task.writing and self._run.task.resuming:
                sentence = f"{error}; {RESUME}"
            case _:
                sentence = str(error)
        self._trouble(sentence)
        self._gave_up = True
        self._run.retry.stop()

    def _trouble(self, sentence: str) -> None:
        self._run.report.add_trouble(sentence)

    def _progress(self) -> None:
        tables = (*self._run.report.tables.values(), *self._examiner.counts.values())
        objects = sum(counts.seen for counts in tables)
        self._run.show(Progress(self._report.scope, self._report.done, self._report.steps or None, objects))

    def _add_up(self) -> None:
        report = self._run.report
        report.refused += self._examiner.refused
        for table, counts in self._examiner.counts.items():
            report.tables[table] = report.tables.get(table, Counts()) + counts
        if self._writer is not None:
            report.books += self._writer.books
            if self._writer.books.quarantined:
                refused = self._writer.books.quarantined
                self._trouble(f"Postgres refused {refused} versions; `outcomes quarantine list` shows them")


async def backfill(
    dsn: str,
    settings: Settings,
    signals: Signals,
    task: Task,
    *,
    say: Callable[[str], None],
    show: Callable[[Progress], None],
    found: Callable[[Finding], None] = lambda _: None,
    client: CanvasClient | None = None,
) -> Report:
    """Runs a task. `client` replaces the settings' one.

    Raises `Fatal`, and `UsageError` if the settings do not name Canvas, or Canvas does not show the account or course. Other
    failures of Canvas are troubles in the report.
    """
    if task.rosters and settings.people == "off":
        raise UsageError("OUTCOMES_PEOPLE is off, so rosters are not stored: set it to ids or names")
    retry = StoppableRetry(say, "canvas")
    session = Session(dsn, retry, statement_seconds=settings.statement_seconds)
    store = Store(dsn, statement_seconds=settings.statement_seconds)
    try:
        async with client or CanvasClient.of(settings) as canvas:
            run = BackfillRun(canvas, session, store, retry, settings, task, found, show)
            with signals(retry.stop):
                return await run.run()
    finally:
        try:
            await store.close()
        finally:  # even if this task is cancelled meanwhile
            await session.close()
