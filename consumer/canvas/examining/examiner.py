"""Takes observations one at a time, writes the changes, and adds up the counts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from consumer.canvas import observations as seen
from consumer.canvas.examining import absent, alignments, links, objects, rollups, rosters, scales, standards
from consumer.canvas.examining.examined import Counts, Examined, Finding, StepMemory
from consumer.canvas.projection import Projection
from consumer.canvas.snapshot_writer import SnapshotWriter

_IN_SEVERAL_LISTS = ("canvas_user", "learning_outcome", "user_merge")


class Examiner:
    """Without a `writer` it changes nothing.

    `thorough`: also finds what Canvas does not have, and compares rollups; with a writer, deletes what Canvas does not have.
    """

    def __init__(self, projection: Projection, writer: SnapshotWriter | None, *, thorough: bool) -> None:
        self._projection = projection
        self._writer = writer
        self._thorough = thorough
        self._counted: dict[str, set[int]] = {}
        """In a dry run: objects that count as written, by table."""
        self.counts: dict[str, Counts] = {}
        """By table."""
        self.refused: list[str] = []

    async def take(self, observation: seen.Observation, memory: StepMemory, *, counting: bool = True) -> list[Finding]:
        """Returns what differs. `counting` False: the objects were counted before."""
        examined = await self._examine(observation, memory)
        return await self._settle(examined, memory, counting=counting) if examined is not None else []

    async def needs_relisting(self, observation: seen.ListEnd, memory: StepMemory) -> bool:
        """Whether to read a list once more before anything counts as absent."""
        return await absent.needs_relisting(observation, self._projection, memory, thorough=self._thorough)

    async def name_users(self) -> None:
        """Writes uuids of students who have become known."""
        if self._writer is not None:
            async for examined in objects.newly_named(self._projection):
                await self._settle(examined, StepMemory())

    async def _examine(self, observation: seen.Observation, memory: StepMemory) -> Examined | None:
        projection = self._projection
        match observation:
            case seen.Objects("learning_outcome_link"):
                return await links.examine(observation, projection, memory)
            case seen.Objects():
                return await objects.examine(observation, projection)
            case seen.Scale():
                return await scales.examine(observation, projection)
            case seen.Standards():
                return await standards.examine(observation, projection)
            case seen.Alignments():
                return await alignments.examine(observation, projection, memory)
            case seen.ListEnd():
                return await absent.examine_end(observation, projection, memory, thorough=self._thorough)
            case seen.NotInCanvas():
                return await absent.examine(observation, projection) if self._thorough else None
            case seen.Rollups():
                return await rollups.examine(observation, projection)
            case seen.PastUuids():
                return await rosters.examine_past_uuids(observation, projection)
            case seen.WholeRoster():
                return rosters.examine_whole(observation, projection, memory)
            case seen.Unanswered():
                return None
            case _:
                assert_never(observation)

    async def _settle(self, examined: Examined, memory: StepMemory, *, counting: bool = True) -> list[Finding]:
        """Writes, counts and lists what differs."""
        changes, counts, findings, writer = examined.changes, examined.counts, examined.findings, self._writer
        if writer is None and examined.table in _IN_SEVERAL_LISTS:
            counted = self._counted.setdefault(examined.table, set())
            changes = [change for change in changes if change.id not in counted]
            counted.update(change.id for change in changes)
        if writer is not None and examined.save is not None:
            await examined.save()
            findings = [replace(finding, repaired=True) for finding in findings]
        refusals: Sequence[str | None] = [None] * len(changes)
        if writer is not None and changes:
            quarantined = writer.books.quarantined
            refusals = await writer.write(changes)
            memory.refused += writer.books.quarantined - quarantined + sum(refusal is not None for refusal in refusals)
        for change, refusal in zip(changes, refusals, strict=True):
            counts.written += refusal is None
            counts.refused += refusal is not None
            repaired = writer is not None and refusal is None
            findings.append(Finding.of(change, repaired=repaired))
        self.refused += [*examined.refused, *(refusal for refusal in refusals if refusal is not None)]
        if counting:
            self.counts[examined.table] = self.counts.get(examined.table, Counts()) + counts
        return findings
