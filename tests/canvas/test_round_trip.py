"""Our client against our own server: a backfill from it makes the same projection, and reconcile finds no difference."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from tests.canvas.content import ALGEBRA, EQUATIONS, FRACTIONS, UUID
from tests.canvas.filling import deliver, differences, feed_of, fill, query, state
from tests.canvas.school import School
from tests.samples import Event
from tests.serve.serving import served


class Ours(NamedTuple):
    """Our own server."""

    url: str
    token: str


@asynccontextmanager
async def serving_of(dsn: str) -> AsyncIterator[Ours]:
    """For this database."""
    async with served(dsn, UUID) as running:
        yield Ours(running.base, running.token)


async def own_criteria(dsn: str) -> None:
    """Makes the projection compute with the outcomes' own criteria."""
    await query(
        dsn,
        "INSERT INTO tenant_setting (root_account_uuid, name, value) "
        "VALUES ($1, 'account_level_mastery_scales', 'off') RETURNING 1",
        UUID,
    )


@pytest.mark.parametrize("own", [False, True])
async def test_a_backfill_from_our_server_makes_the_same_projection(database: str, another_database: str, own: bool) -> None:
    """Tree, groups, outcomes, scales, standards, alignments and results; not links, whose ids REST does not show."""
    async with School(account_level_scales=not own) as school:
        await deliver(database, *feed_of(school))
        if own:
            for dsn in (database, another_database):
                await own_criteria(dsn)
        await fill(database, school)
    async with serving_of(database) as ours:
        report = await fill(another_database, ours)
        assert report.troubles == []
        served_from, made = await state(database), await state(another_database)
        same = ("account", "learning_outcome_group", "grading_standard", "outcome_alignment")
        assert {table: made[table] for table in same} == {table: served_from[table] for table in same}
        results, made_results = served_from["learning_outcome_result"], made["learning_outcome_result"]
        assert [row[:3] + row[4:] for row in made_results] == [row[:3] + row[4:] for row in results]
        assert {row[3] for row in made_results} == {"id:501", "id:502", "id:503", "id:504"}
        assert [row[:4] for row in made["course"]] == [row[:4] for row in served_from["course"]]
        assert [row[:8] for row in made["learning_outcome"]] == [
            row[:8] for row in served_from["learning_outcome"] if row[-1] == "active"
        ]
        if own:
            assert [row[8] for row in made["learning_outcome"]] == [
                row[8] for row in served_from["learning_outcome"] if row[-1] == "active"
            ]
        scales = "SELECT context_type, context_id, jsonb_path_query_array(outcome_proficiency_ratings, '$[*].points')::text"
        scales_made = await query(another_database, f"{scales} FROM outcome_proficiency ORDER BY 1, 2")
        assert scales_made == await query(database, f"{scales} FROM outcome_proficiency ORDER BY 1, 2")
        assert (await differences(another_database, ours)).counts.keys() <= {"missing", "rollup"}
        assert (await fill(another_database, ours)).books.applied == 0
        assert (await differences(database, ours)).total == 0


async def test_reconcile_finds_what_a_lossy_feed_has_lost(database: str, another_database: str) -> None:
    """Exactly the lost events, and the scores that they change; a repair restores them."""
    async with School(account_level_scales=True) as school:
        everything = feed_of(school)
        await deliver(database, *everything)

        def is_lost(event: Event) -> bool:
            body = event["body"]
            return body.get("id") == "803" or ("title" in body and body.get("learning_outcome_id") == str(EQUATIONS))

        await deliver(another_database, *(event for event in everything if not is_lost(event)))
        await fill(database, school)
    async with serving_of(database) as ours:
        done = await differences(another_database, ours, repair=True)
        kinds = {
            (one.kind, one.table, one.key.get("id")) for one in done.differences if one.kind in ("missing", "stale", "extra")
        }
        assert kinds == {
            ("missing", "learning_outcome", EQUATIONS),
            ("missing", "learning_outcome_result", 803),
            *(("missing", "grading_standard", id_) for id_ in (401, 402, 403)),
        }
        assert (await differences(another_database, ours)).total == 0
        assert await query(
            another_database,
            "SELECT score FROM outcome_rollup_at($1, $2, NULL) WHERE learning_outcome_id = $3",
            UUID,
            ALGEBRA,
            FRACTIONS,
        ) == [(10,)]


async def test_results_without_a_score_make_the_round_trip_too(database: str, another_database: str) -> None:
    """Canvas shows them as results and omits them from rollups. So do we, and nothing counts as gone."""
    async with School(account_level_scales=True) as school:
        school.results[803] |= {"score": None, "percent": None, "mastery": None}
        await deliver(database, *feed_of(school))
        await fill(database, school)
    async with serving_of(database) as ours:
        await fill(another_database, ours)
        statement = "SELECT score, percent, workflow_state FROM learning_outcome_result WHERE id = 803"
        assert await query(another_database, statement) == [(None, None, "active")]
        assert (await differences(database, ours)).total == 0
